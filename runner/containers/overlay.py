"""A container's root: the layers of its image, the lowest first, and above them what it has written itself.

The mount is made detached. Nobody sees it but who has its descriptor, and it is gone when the last one is closed.
"""

from __future__ import annotations

import _socket
import errno
import os
import struct

from runner.oci.errors import CallFailed
from runner.oci.kernel import mounts, namespaces
from runner.oci.kernel.calls import library_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final, NoReturn

    from runner.containers.folders import Place

_LONGEST_OPTION: Final = 255
"""What fsconfig(2) takes of a string."""

_FAILED: Final = b"!"


def mount(place: Place, layers: Sequence[str], *, volatile: bool) -> int:
    """A descriptor of the root, mounted.

    Args:
        place: where the container's own files are.
        layers: the directories of the image's layers.
        volatile: whether what it writes may be lost with the machine; it never is synced then.

    Raises:
        CallFailed: the kernel does not do it.
    """
    lower = [*reversed(layers)] or [_empty(place)]
    further = ("volatile",) if volatile else ()
    try:
        return _by_configuration(place, lower, further)
    except CallFailed as error:
        # Newer kernels take layers one by one. Of those before, some refuse the word, and older ones (6.1) take all
        # words, and refuse the whole in the end.
        if error.cause.errno != errno.EINVAL or error.about not in {"lowerdir+", ""}:
            raise
    return by_links(place, lower, further)


def by_links(place: Place, lower: Sequence[str], further: Sequence[str]) -> int:
    """The same for older kernels, which take all names in one page: by short links to the directories.

    mount(2) only mounts at a place, so a child does it in a mount namespace of its own.

    Raises:
        CallFailed: the kernel does not do it.
    """
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    child = os.fork()
    if child == 0:
        _mount_and_send(place, lower, further, theirs)
    theirs.close()
    said, sent, _, _ = ours.recvmsg(4096, _socket.CMSG_LEN(struct.calcsize("i")), _socket.MSG_CMSG_CLOEXEC)
    ours.close()
    os.waitpid(child, 0)
    if not sent:
        number, _, text = said.removeprefix(_FAILED).decode("utf-8", "backslashreplace").partition(" ")
        raise CallFailed("mount", "overlay", OSError(int(number or errno.EIO), text or "its process was killed"))
    descriptor: int = struct.unpack("i", sent[0][2])[0]
    return descriptor


def _by_configuration(place: Place, lower: Sequence[str], further: Sequence[str]) -> int:
    opened: list[int] = []
    try:
        options = [f"lowerdir+={_short(folder, opened)}" for folder in lower]
        options += [f"upperdir={_short(place.upper, opened)}", f"workdir={_short(place.work, opened)}", *further]
        return mounts.new_filesystem("overlay", "overlay", tuple(options), 0)
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _short(folder: str, opened: list[int]) -> str:
    """A name of a directory that fsconfig(2) takes."""
    if len(os.fsencode(folder)) <= _LONGEST_OPTION:
        return folder
    opened.append(os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
    return f"/proc/self/fd/{opened[-1]}"


def _empty(place: Place) -> str:
    """A directory for an image without a layer: overlayfs needs one at the bottom."""
    folder = f"{place.lasting}/empty"
    if not os.path.isdir(folder):
        os.mkdir(folder, 0o755)
    return folder


def _mount_and_send(place: Place, lower: Sequence[str], further: Sequence[str], end: _socket.socket) -> NoReturn:
    try:
        root = _mount_at(place, lower, further)
        end.sendmsg([b"\0"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("i", root))])
    except CallFailed as error:
        end.send(_FAILED + f"{error.cause.errno} {error.cause.strerror}".encode())
    except OSError as error:
        end.send(_FAILED + f"{error.errno} {error.strerror}".encode())
    finally:
        os._exit(0)


def _mount_at(place: Place, lower: Sequence[str], further: Sequence[str]) -> int:
    namespaces.unshare(["mount"])
    mounts.propagate("/", mounts.PRIVATE, recursive=True)
    library_call("mount", b"tmpfs", os.fsencode(place.rootfs), b"tmpfs", 0, b"", about=place.rootfs)
    os.chdir(place.rootfs)
    os.mkdir("root")
    for name, folder in (("u", place.upper), ("w", place.work), *((str(at), one) for at, one in enumerate(lower))):
        os.symlink(folder, name)
    numbers = ":".join(map(str, range(len(lower))))
    options = ",".join((f"lowerdir={numbers}", "upperdir=u", "workdir=w", *further))
    library_call("mount", b"overlay", b"root", b"overlay", 0, options.encode(), about="overlay")
    return mounts.copy_path("root", recursive=False)
