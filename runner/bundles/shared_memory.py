"""The /dev/shm of another container, for one that shares its ipc namespace."""

from __future__ import annotations

import _socket
import errno
import os

from runner import descriptors
from runner.bundles.errors import NamespaceUnreachable
from runner.oci.errors import CallFailed
from runner.oci.kernel import mounts, namespaces
from runner.oci.kernel.files import DIRECTORY, open_in_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_SHM = "/dev/shm"  # noqa: S108 - the container's


def copy_of(pid: int, mode: str) -> int:
    """A detached mount of what a container has at /dev/shm; the descriptor is its root.

    A mount can be copied only by who is in its mount namespace, so a child goes there. It looks for the place in that
    container's root, for its programs decide what their links say; and it loads nothing there.

    Args:
        pid: its first process.
        mode: the setting that names it, for errors.

    Raises:
        NamespaceUnreachable: it does not run any more, or has none.
    """
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    child = os.fork()
    if child == 0:
        _copy_and_send(pid, theirs)
    theirs.close()
    said, sent = descriptors.receive(ours, 4096, 1)
    ours.close()
    os.waitpid(child, 0)
    if not sent:
        raise NamespaceUnreachable(mode, os.strerror(int(said or errno.ESRCH)))
    return sent[0]


def _copy_and_send(pid: int, end: _socket.socket) -> NoReturn:
    try:
        namespaces.join(os.pidfd_open(pid), ["mount"])
        # Joining has made the container's root this process's.
        root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        copy = mounts.copy_descriptor(open_in_root(root, _SHM, DIRECTORY), recursive=False)
        descriptors.send(end, b"0", [copy])
    except CallFailed as error:
        end.send(str(error.cause.errno).encode())
    except OSError as error:
        end.send(str(error.errno).encode())
    finally:
        os._exit(0)
