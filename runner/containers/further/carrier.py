"""This process's streams as the other end of a further program's terminal."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios

from runner.containers import attaching
from runner.containers.monitor.streams import Sink, Source
from runner.containers.protocol import BLOCK, OUTPUT
from runner.plain_signal import signal
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.containers.further.child import Child
    from runner.containers.wakeup import Wakeup


class Carrier:
    """Carries what is typed to a terminal, and what comes from it to standard output."""

    def __init__(self, master: int, wakeup: Wakeup, *, has_input: bool) -> None:
        self._master = master
        self._wakeup = wakeup
        self._source: Source | None = Source(master, OUTPUT)
        self._sink = Sink(master, is_terminal=True) if has_input else None

    def run(self, child: Child) -> None:
        """Carry on until the program has ended and all that it said is shown."""
        has_ended = False
        while self._source is not None and not has_ended:
            ready = self._wait(child.ended)
            for number in self._wakeup.read() if self._wakeup.fileno() in ready else b"":
                self._heed(number, child)
            if 0 in ready:
                self._type()
            if self._sink is not None and self._sink.is_waiting:
                self._sink.flush()
            self._show()
            has_ended = child.ended in ready
        # Programs that it left behind may have the terminal still; they are not waited for.
        while self._source is not None and self._show():
            pass

    def _wait(self, ended: int) -> set[int]:
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        poll.register(self._wakeup, select.POLLIN)
        wants_to_write = self._sink is not None and self._sink.is_waiting
        poll.register(self._master, select.POLLIN | (select.POLLOUT if wants_to_write else 0))
        if self._sink is not None and not self._sink.is_full:
            poll.register(0, select.POLLIN)
        return {descriptor for descriptor, _ in poll.poll()}

    def _heed(self, number: int, child: Child) -> None:
        size = attaching.terminal_size()
        if number != signal.SIGWINCH:
            child.send(number)
        elif size is not None:
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))

    def _type(self) -> None:
        content = b""
        with Suppressed(OSError):
            content = os.read(0, BLOCK)
        if self._sink is not None and content:
            self._sink.write(content)
        elif not content:
            self._sink = None

    def _show(self) -> bool:
        """Show what has come; False where nothing more has."""
        content = self._source.read() if self._source is not None else None
        if content == b"":
            self._source = None
        left = memoryview(content or b"")
        while left:
            left = left[os.write(1, left) :]
        return bool(content)
