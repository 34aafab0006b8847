"""The /dev/shm of another container, for one that shares its ipc namespace."""

from __future__ import annotations

import _socket
import errno
import os
import struct

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
    said, sent, _, _ = ours.recvmsg(4096, _socket.CMSG_LEN(struct.calcsize("i")), _socket.MSG_CMSG_CLOEXEC)
    ours.close()
    os.waitpid(child, 0)
    if not sent:
        raise NamespaceUnreachable(mode, os.strerror(int(said or errno.ESRCH)))
    descriptor: int = struct.unpack("i", sent[0][2])[0]
    return descriptor


def _copy_and_send(pid: int, end: _socket.socket) -> NoReturn:
    try:
        namespaces.join(os.pidfd_open(pid), ["mount"])
        # Joining has made the container's root this process's.
        root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        copy = mounts.copy_descriptor(open_in_root(root, _SHM, DIRECTORY), recursive=False)
        end.sendmsg([b"0"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("i", copy))])
    except CallFailed as error:
        end.send(str(error.cause.errno).encode())
    except OSError as error:
        end.send(str(error.errno).encode())
    finally:
        os._exit(0)
