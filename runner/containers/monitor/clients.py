"""Those who are connected to a container: what it says goes to each, in order, and what each types comes from it."""

from __future__ import annotations

import _socket

from runner.containers import protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_MOST_WAITING: Final = 256 * 1024


class Client:
    """One of them. What it does not take at once waits here; who reads on is told by `is_behind` to stop."""

    __slots__ = ("_end", "_size", "_waiting", "is_gone", "is_quiet")

    def __init__(self, end: _socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self._waiting: list[bytes] = []
        self._size = 0
        self.is_gone = False
        self.is_quiet = False
        """Whether it does not want to be told what the container says."""

    def fileno(self) -> int:
        """The descriptor."""
        return self._end.fileno()

    @property
    def is_waiting(self) -> bool:
        """Whether something is left to be sent."""
        return bool(self._waiting)

    @property
    def is_behind(self) -> bool:
        """Whether so much is left that no more ought to come."""
        return self._size > _MOST_WAITING

    def send(self, message: bytes) -> None:
        """Send a message, now or when it is taken."""
        self._waiting.append(message)
        self._size += len(message)
        self.flush()

    def flush(self) -> None:
        """Send what it takes."""
        while self._waiting and not self.is_gone:
            try:
                self._end.send(self._waiting[0])
            except BlockingIOError:
                return
            except OSError:
                self.is_gone = True
                return
            self._size -= len(self._waiting.pop(0))

    def receive(self) -> bytes:
        """Its next message; empty where there is none now. When it has left, `is_gone` says so."""
        try:
            message = self._end.recv(protocol.BLOCK + 1)
        except BlockingIOError:
            return b""
        except OSError:
            message = b""
        self.is_gone = not message
        return message

    def finish(self) -> None:
        """Send what is left, however long that takes, and let go."""
        self._end.setblocking(True)
        self.flush()
        self._end.close()

    def close(self) -> None:
        """Let go."""
        self._end.close()


class Listener:
    """The socket at which they arrive, in a directory that is open: its path may be longer than sockets' names are."""

    __slots__ = ("_end",)

    def __init__(self, folder: int, name: str) -> None:
        self._end = _socket.socket(
            _socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK
        )
        self._end.bind(f"/proc/self/fd/{folder}/{name}")
        self._end.listen(64)

    def fileno(self) -> int:
        """The descriptor."""
        return self._end.fileno()

    def accept(self) -> Client | None:
        """The next that has arrived, if any."""
        end = self.take()
        return None if end is None else Client(end)

    def take(self) -> _socket.socket | None:
        """The connection to the next that has arrived, if any."""
        try:
            descriptor, _ = self._end._accept()  # type: ignore[attr-defined]
        except OSError:
            return None
        return _socket.socket(fileno=descriptor)

    def close(self) -> None:
        """Take no more."""
        self._end.close()
