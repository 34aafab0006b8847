"""This process's streams as the other end of a further program's terminal."""

from __future__ import annotations

import _socket
import fcntl
import os
import select
import struct
import termios

from runner.containers import attaching
from runner.containers.monitor.streams import Sink, Source, receive_terminal
from runner.containers.protocol import BLOCK, OUTPUT
from runner.containers.raw_terminal import RawTerminal
from runner.containers.wakeup import Wakeup
from runner.plain_signal import signal
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from runner.containers.folders import Place
    from runner.containers.further.following import Doer


def carry(doer: Doer, place: Place, *, passed: set[int], has_input: bool) -> int:
    """Begin a program that has a terminal, whose other end this process's streams are; its exit status.

    Args:
        doer: whoever executes it, and has not begun.
        place: the container's.
        passed: the signals that are passed on to the program.
        has_input: whether what is typed goes to it.
    """
    wakeup = Wakeup({*passed, int(signal.SIGWINCH)})
    master = _begin(doer, place)
    if master is None:
        return doer.wait()
    with RawTerminal():
        _Carrier(master, wakeup, has_input=has_input).run(doer)
    return doer.wait()


def leave(doer: Doer, place: Place) -> int:
    """Begin a program that has a terminal and is let go; 0 once it is executed, or why it is not.

    A process stays behind that has the terminal's other end as long as anybody has this one: what is said there is
    heard by nobody, but who says it goes on.
    """
    master = _begin(doer, place)
    status = doer.wait()
    if master is not None and status == 0 and os.fork() == 0:
        _listen(master)
    return status


def _listen(master: int) -> NoReturn:
    with Suppressed(OSError):
        os.setsid()
        nothing = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        for standard in range(3):
            os.dup2(nothing, standard)
        # The kernel refuses (EIO) when nobody has it open any more.
        while os.read(master, BLOCK):
            pass
    os._exit(0)


def _begin(doer: Doer, place: Place) -> int | None:
    """Begin it; the terminal's master, or None where there was an end before there was one."""
    name = f"exec-{os.urandom(6).hex()}"
    folder = os.open(place.passing, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    console = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        # By the descriptor: the path itself may be longer than the name of a socket.
        console.bind(f"/proc/self/fd/{folder}/{name}")
        console.listen(1)
        doer.begin(f"/proc/{os.getpid()}/fd/{folder}/{name}")
        poll = select.poll()
        for end in (doer.ended, console.fileno()):
            poll.register(end, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll()}
        if console.fileno() in ready:
            with Suppressed(ConnectionAbortedError):
                return receive_terminal(console)
        return None
    finally:
        console.close()
        with Suppressed(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
        os.close(folder)


class _Carrier:
    """Carries what is typed to a terminal, and what comes from it to standard output."""

    def __init__(self, master: int, wakeup: Wakeup, *, has_input: bool) -> None:
        self._master = master
        self._wakeup = wakeup
        self._source: Source | None = Source(master, OUTPUT)
        self._sink = Sink(master, is_terminal=True) if has_input else None

    def run(self, doer: Doer) -> None:
        """Carry on until the program has ended and all that it said is shown."""
        has_ended = False
        while self._source is not None and not has_ended:
            ready = self._wait(doer.ended)
            for number in self._wakeup.read() if self._wakeup.fileno() in ready else b"":
                self._heed(number, doer)
            if 0 in ready:
                self._type()
            if self._sink is not None and self._sink.is_waiting:
                self._sink.flush()
            self._show()
            has_ended = doer.ended in ready
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

    def _heed(self, number: int, doer: Doer) -> None:
        size = attaching.terminal_size()
        if number != signal.SIGWINCH:
            doer.send(number)
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
