"""Requests to execute something in the container: for each, a process is forked that has this one's modules loaded."""

from __future__ import annotations

import os

from runner.containers import reaching
from runner.containers.monitor.clients import Listener
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable
    from typing import NoReturn

    Serve = Callable[[_socket.socket], NoReturn]


class Requests:
    """The socket at which they arrive."""

    __slots__ = ("_listener", "_serve")

    def __init__(self, folder: int, serve: Serve) -> None:
        """Let them arrive from here on, in a directory that is open; for each, `serve` is called in a child."""
        self._listener = Listener(folder, reaching.EXEC)
        self._serve = serve

    def fileno(self) -> int:
        """The descriptor."""
        return self._listener.fileno()

    def serve(self) -> None:
        """Have the next one served, if there is one, by a child that goes on alone."""
        end = self._listener.take()
        if end is None:
            return
        # Where there is no room for another process, its client sees that it is let go of.
        with Suppressed(OSError):
            if os.fork() == 0:
                self._serve(end)
        end.close()

    def close(self) -> None:
        """Take no more."""
        self._listener.close()
