"""The program's terminal: made in the container's own devpts, and its master given to whoever asked for it."""

from __future__ import annotations

import _socket
import fcntl
import os
import stat
import struct

from runner import descriptors
from runner.oci.errors import CallFailed
from runner.oci.kernel import mounts
from runner.oci.kernel.files import open_in_root
from runner.oci.rootfs import targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# As the module `termios` has them, whose hundreds of constants every start would wait for.
_SET_SIZE: Final = 0x5414  # TIOCSWINSZ
_BECOME_CONTROLLING: Final = 0x540E  # TIOCSCTTY
_OPEN_PEER: Final = 0x5441  # TIOCGPTPEER
_LOCK: Final = 0x4004_5431  # TIOCSPTLCK
_NUMBER: Final = 0x8004_5430  # TIOCGPTN
_MULTIPLEXER: Final = os.makedev(5, 2)


class Terminal:
    """Both ends of a terminal."""

    __slots__ = ("_master", "_slave")

    def __init__(self, master: int, slave: int) -> None:
        self._master = master
        self._slave = slave

    def resize(self, size: tuple[int, int]) -> None:
        """Set rows and columns."""
        resize(self._slave, *size)

    def bind_console(self, root: int) -> None:
        """Let /dev/console be this terminal. It is bound by its descriptor: no name leads elsewhere (CVE-2025-52565).

        Raises:
            CallFailed: the kernel refuses.
        """
        target = targets.file(root, "/dev/console")
        copy = mounts.copy_descriptor(self._slave, recursive=False)
        try:
            mounts.attach(copy, target)
        finally:
            os.close(copy)
            os.close(target)

    def hand_over(self, receiver: int) -> None:
        """Give the master to the other end of a connected socket, and let go of it.

        Raises:
            CallFailed: nobody is there.
        """
        number = struct.unpack("i", fcntl.ioctl(self._master, _NUMBER, bytes(4)))[0]
        end = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, receiver)
        try:
            descriptors.send(end, f"/dev/pts/{number}".encode(), [self._master])
        except OSError as error:
            raise CallFailed("sendmsg", "console socket", error) from error
        finally:
            end.close()
            os.close(self._master)

    def become_standard(self, uid: int) -> None:
        """Make it the controlling terminal and the three standard streams of this process, which leads its session.

        Raises:
            CallFailed: the process leads none.
        """
        try:
            fcntl.ioctl(self._slave, _BECOME_CONTROLLING, 0)
        except OSError as error:
            raise CallFailed("ioctl", "TIOCSCTTY", error) from error
        for standard in range(3):
            os.dup2(self._slave, standard)
        os.fchown(0, uid, -1)
        if self._slave > 2:
            os.close(self._slave)


def create(root: int) -> Terminal:
    """A new terminal of the devpts that is mounted beneath `root`.

    Raises:
        CallFailed: none is mounted there.
    """
    master = open_in_root(root, "/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY)
    try:
        found = os.fstat(master)
        if not stat.S_ISCHR(found.st_mode) or found.st_rdev != _MULTIPLEXER:
            raise CallFailed("open", "/dev/pts/ptmx", OSError(19, "is not the multiplexer of terminals"))
        fcntl.ioctl(master, _LOCK, struct.pack("i", 0))
        slave = fcntl.ioctl(master, _OPEN_PEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        os.close(master)
        raise CallFailed("open", "/dev/pts/ptmx", error) from error
    return Terminal(master, slave)


def resize(end: int, rows: int, columns: int) -> None:
    """Tell a terminal, by either end of it, how large it is."""
    fcntl.ioctl(end, _SET_SIZE, struct.pack("HHHH", rows, columns, 0, 0))


def connect(path: str) -> int:
    """A connection to a console socket.

    Raises:
        CallFailed: nobody listens there.
    """
    end = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    folder = -1
    try:
        # By a descriptor of its directory: the path itself may be longer than the name of a socket.
        folder = os.open(os.path.dirname(path) or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        end.connect(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
    except OSError as error:
        raise CallFailed("connect", path, error) from error
    finally:
        if folder >= 0:
            os.close(folder)
    return end.detach()


def own_standard_streams(uid: int) -> None:
    """Let the user open the standard streams anew by /dev/stdout and the like: pipes and files become theirs."""
    for descriptor in range(3):
        try:
            found = os.fstat(descriptor)
            if found.st_uid != uid and found.st_rdev != os.makedev(1, 3):
                os.fchown(descriptor, uid, -1)
        except OSError:
            # Closed, or on a file system that has no owners: it can still be used as it is.
            continue
