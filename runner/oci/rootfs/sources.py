"""What the binds of a container with a user namespace show, opened with the runtime's rights.

In a user namespace, root is somebody else to the host, and may not enter /root or whatever only its owner may. So a
child of the runtime enters the container's mount namespace, opens what is to be shown, and gives it to the container's
first processes. They copy it themselves: a mount that came from the host's namespace would be without the locks that
keep the container from making it writable.
"""

from __future__ import annotations

import _socket
import os

from runner import descriptors
from runner.errors import RunnerError
from runner.oci.errors import CallFailed, SetupFailed
from runner.oci.kernel import namespaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from runner.oci.spec.values import Mount

_OPENED, _FAILED = b"o", b"f"
_LONGEST = 4096
_AT_ONCE = 200  # the kernel passes at most 253 at once


class Sources:
    """The way from who opens them to who mounts them; made by the runtime before it forks the container's child."""

    def __init__(self, binds: Sequence[Mount]) -> None:
        self._binds = binds
        kind = _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC
        self._opening, self._mounting = _socket.socketpair(_socket.AF_UNIX, kind)

    def open_in(self, pid: int) -> None:
        """In the runtime: open them as they are in the mount namespace of a process, and give them away."""
        child = os.fork()
        if child == 0:
            self._give(pid)
        self.close()
        os.waitpid(child, 0)

    def take(self) -> list[int]:
        """In the container's child: a descriptor for each bind.

        Raises:
            SetupFailed: one is not there, or whoever opens them has ended.
        """
        self._opening.close()
        opened: list[int] = []
        while len(opened) < len(self._binds):
            message, sent = descriptors.receive(self._mounting, _LONGEST, _AT_ONCE)
            if message != _OPENED:
                reason = message.removeprefix(_FAILED).decode("utf-8", "surrogateescape")
                raise SetupFailed(reason or "the sources of binds were not opened")
            opened += sent
        return opened

    def close(self) -> None:
        """Be done with it."""
        self._opening.close()
        self._mounting.close()

    def _give(self, pid: int) -> NoReturn:
        try:
            namespace = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
            namespaces.join(namespace, ["mount"])
            opened = [_open(bind) for bind in self._binds]
            for first in range(0, len(opened), _AT_ONCE):
                descriptors.send(self._opening, _OPENED, opened[first : first + _AT_ONCE])
        except (RunnerError, OSError) as error:
            self._opening.send(_FAILED + str(error).encode("utf-8", "surrogateescape")[: _LONGEST - 1])
        finally:
            os._exit(0)


def _open(bind: Mount) -> int:
    try:
        return os.open(bind.source, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise CallFailed("mount", bind.destination, error) from error
