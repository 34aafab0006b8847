"""Connecting to a container that runs."""

from __future__ import annotations

import _socket
import os

from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.containers.folders import Place

ATTACH = "attach"
"""The socket of those who want to see what a container says."""

EXEC = "exec"
"""That of those who want something executed in it."""


def connect(place: Place, name: str = ATTACH) -> _socket.socket | None:
    """A client's end; None where nobody listens at the socket of this name, for it does not run."""
    with Suppressed(OSError):
        # Its path may be longer than the name of a socket.
        folder = os.open(place.passing, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            end = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
            end.connect(f"/proc/self/fd/{folder}/{name}")
            return end
        finally:
            os.close(folder)
    return None
