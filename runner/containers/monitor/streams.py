"""The ends of a container's streams that its monitor has: pipes, or a terminal's master."""

from __future__ import annotations

import _socket
import errno
import os

from runner import descriptors
from runner.containers import protocol
from runner.oci.program.terminal import resize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

_MOST_WAITING: Final = 64 * 1024
_STREAMS: Final = {protocol.OUTPUT: "stdout", protocol.ERRORS: "stderr"}


class Source:
    """Something that the container writes to."""

    __slots__ = ("_descriptor", "kind")

    def __init__(self, descriptor: int, kind: bytes) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self.kind = kind
        """What a message of it is."""

    @property
    def stream(self) -> str:
        """What the log calls it."""
        return _STREAMS[self.kind]

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def read(self) -> bytes | None:
        """What has come; empty at its end, None where nothing has come yet."""
        try:
            return os.read(self._descriptor, protocol.BLOCK)
        except BlockingIOError:
            return None
        except OSError as error:
            # So a terminal tells that nobody has its other end.
            if error.errno != errno.EIO:
                raise
            return b""


class Sink:
    """What the container reads from. What it does not take at once waits here."""

    __slots__ = ("_descriptor", "_ends", "_is_terminal", "_waiting")

    def __init__(self, descriptor: int, *, is_terminal: bool) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._is_terminal = is_terminal
        self._waiting = b""
        self._ends = False

    def fileno(self) -> int:
        """The descriptor; -1 once it is closed."""
        return self._descriptor

    @property
    def is_waiting(self) -> bool:
        """Whether something is left to be written."""
        return bool(self._waiting) and self._descriptor >= 0

    @property
    def is_full(self) -> bool:
        """Whether no more ought to come."""
        return len(self._waiting) > _MOST_WAITING

    def write(self, content: bytes) -> None:
        """Let the container read this."""
        if self._descriptor >= 0 and not self._ends:
            self._waiting += content
            self.flush()

    def end(self) -> None:
        """Let it read the end, after all that came before. A terminal has none."""
        self._ends = not self._is_terminal
        self.flush()

    def flush(self) -> None:
        """Write what it takes."""
        try:
            while self._waiting and self._descriptor >= 0:
                self._waiting = self._waiting[os.write(self._descriptor, self._waiting) :]
        except BlockingIOError:
            return
        except OSError:
            # Nobody reads it any more.
            self._waiting, self._ends = b"", True
        if self._ends and not self._is_terminal and self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Streams:
    """All of a container's. Before it is made, its ends are this process's standard streams; then `let_go` of them."""

    def __init__(self, *, terminal: bool, has_input: bool) -> None:
        self.sources: list[Source] = []
        self.sink: Sink | None = None
        self._master = -1
        nothing = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        ends = [nothing, nothing, nothing]
        if not terminal:
            if has_input:
                ends[0], own = os.pipe()
                self.sink = Sink(own, is_terminal=False)
            for standard, kind in ((1, protocol.OUTPUT), (2, protocol.ERRORS)):
                own, ends[standard] = os.pipe()
                self.sources.append(Source(own, kind))
        become_standard(ends)
        for end in {*ends}:
            os.close(end)

    @staticmethod
    def let_go() -> None:
        """Have nothing of the container's as this process's own standard streams any more."""
        nothing = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        become_standard([nothing, nothing, nothing])
        os.close(nothing)

    def take_terminal(self, console: _socket.socket, *, has_input: bool) -> None:
        """Receive the terminal's master from whoever connects to a console socket.

        Raises:
            OSError: nobody has.
        """
        self._master = receive_terminal(console)
        self.sources.append(Source(self._master, protocol.OUTPUT))
        if has_input:
            self.sink = Sink(self._master, is_terminal=True)

    def close(self, source: Source) -> None:
        """Let go of a source that has come to its end."""
        self.sources.remove(source)
        # A terminal is left open: whoever attaches to it may still be about to write.
        if source.fileno() != self._master:
            os.close(source.fileno())

    def resize(self, rows: int, columns: int) -> None:
        """Tell the terminal, if there is one, how large it is."""
        if self._master >= 0:
            resize(self._master, rows, columns)


def receive_terminal(console: _socket.socket) -> int:
    """A terminal's master, from whoever connects to a console socket.

    Raises:
        ConnectionAbortedError: that one has ended before it had a terminal.
        OSError: nobody has connected.
    """
    descriptor, _ = console._accept()  # type: ignore[attr-defined]
    with_runtime = _socket.socket(fileno=descriptor)
    _, masters = descriptors.receive(with_runtime, 4096, 1)
    with_runtime.close()
    if not masters:
        raise ConnectionAbortedError(errno.ECONNABORTED, os.strerror(errno.ECONNABORTED))
    return masters[0]


def become_standard(ends: Iterable[int]) -> None:
    """Have these as the standard streams of this process."""
    for standard, end in enumerate(ends):
        os.dup2(end, standard, inheritable=True)
