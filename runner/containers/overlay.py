"""A container's root: the layers of its image, the lowest first, and above them what it has written itself.

The mount is made detached. Nobody sees it but who has its descriptor, and it is gone when the last one is closed.
"""

from __future__ import annotations

import _socket
import errno
import os

from runner import descriptors
from runner.oci.errors import CallFailed
from runner.oci.kernel import mounts, namespaces
from runner.oci.kernel.calls import encoded, library_call
from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final, NoReturn

    from runner.containers.folders import Place

_LONGEST_OPTION: Final = 255
"""What fsconfig(2) takes of a string."""

_FAILED: Final = b"!"


class Stack(Record):
    """What is mounted above each other."""

    lower: tuple[str, ...]
    """Directories that are only read, the uppermost first."""
    above: tuple[str, str] | None
    """What is written to, and where the kernel prepares that; None where nothing is."""
    further: tuple[str, ...] = ()
    """Options without a value."""
    attributes: int = 0
    """Of `mounts.READ_ONLY` and the others."""


def mount(place: Place, layers: Sequence[str], *, volatile: bool) -> int:
    """A descriptor of the root, mounted.

    Args:
        place: where the container's own files are.
        layers: the directories of the image's layers.
        volatile: whether what it writes may be lost with the machine; it never is synced then.

    Raises:
        CallFailed: the kernel does not do it.
    """
    lower = (*reversed(layers),) or (_empty(place),)
    return _mounted(Stack(lower, (place.upper, place.work), ("volatile",) if volatile else ()), place.rootfs)


def mount_read_only(place: Place, layers: Sequence[str]) -> int:
    """The same for who only reads what the container has left; nothing is changed by it, not even a time.

    Raises:
        CallFailed: the kernel does not do it.
    """
    lower = (place.upper, *reversed(layers))
    # What is only read takes two directories at least.
    lower = lower if layers else (*lower, _empty(place))
    attributes = mounts.READ_ONLY | mounts.NO_SUID | mounts.NO_DEV | mounts.NO_EXEC
    return _mounted(Stack(lower, None, attributes=attributes), place.work)


def by_links(stack: Stack, spare: str) -> int:
    """The same for older kernels, which take all names in one page: by short links to the directories.

    mount(2) only mounts at a place, so a child does it in a mount namespace of its own, where it covers `spare`, a
    directory that the mount does not need.

    Raises:
        CallFailed: the kernel does not do it.
    """
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    child = os.fork()
    if child == 0:
        _mount_and_send(stack, spare, theirs)
    theirs.close()
    said, sent = descriptors.receive(ours, 4096, 1)
    ours.close()
    os.waitpid(child, 0)
    if not sent:
        number, _, text = said.removeprefix(_FAILED).decode("utf-8", "backslashreplace").partition(" ")
        raise CallFailed("mount", "overlay", OSError(int(number or errno.EIO), text or "its process was killed"))
    return sent[0]


def _mounted(stack: Stack, spare: str) -> int:
    try:
        return _by_configuration(stack)
    except CallFailed as error:
        # Newer kernels take layers one by one. Of those before, some refuse the word, and older ones (6.1) take all
        # words, and refuse the whole in the end.
        if error.cause.errno != errno.EINVAL or error.about not in {"lowerdir+", ""}:
            raise
    return by_links(stack, spare)


def _by_configuration(stack: Stack) -> int:
    opened: list[int] = []
    try:
        options = [f"lowerdir+={_short(folder, opened)}" for folder in stack.lower]
        if stack.above is not None:
            upper, work = stack.above
            options += [f"upperdir={_short(upper, opened)}", f"workdir={_short(work, opened)}"]
        return mounts.new_filesystem("overlay", "overlay", (*options, *stack.further), stack.attributes)
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _short(folder: str, opened: list[int]) -> str:
    """A name of a directory that fsconfig(2) takes."""
    if len(encoded(folder)) <= _LONGEST_OPTION:
        return folder
    opened.append(os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
    return f"/proc/self/fd/{opened[-1]}"


def _empty(place: Place) -> str:
    """A directory for an image without a layer: overlayfs needs one at the bottom."""
    folder = f"{place.lasting}/empty"
    if not os.path.isdir(folder):
        os.mkdir(folder, 0o755)
    return folder


def _mount_and_send(stack: Stack, spare: str, end: _socket.socket) -> NoReturn:
    try:
        root = _mount_at(stack, spare)
        descriptors.send(end, b"\0", [root])
    except CallFailed as error:
        end.send(_FAILED + f"{error.cause.errno} {error.cause.strerror}".encode())
    except OSError as error:
        end.send(_FAILED + f"{error.errno} {error.strerror}".encode())
    finally:
        os._exit(0)


def _mount_at(stack: Stack, spare: str) -> int:
    namespaces.unshare(["mount"])
    mounts.propagate("/", mounts.PRIVATE, recursive=True)
    library_call("mount", b"tmpfs", spare, b"tmpfs", 0, b"", about=spare)
    os.chdir(spare)
    os.mkdir("root")
    named = dict(zip(("upperdir", "workdir"), stack.above or (), strict=False))
    for name, folder in (*named.items(), *((str(at), one) for at, one in enumerate(stack.lower))):
        os.symlink(folder, name)
    numbers = ":".join(map(str, range(len(stack.lower))))
    options = ",".join((f"lowerdir={numbers}", *(f"{name}={name}" for name in named), *stack.further))
    library_call("mount", b"overlay", b"root", b"overlay", 0, options.encode(), about="overlay")
    root = mounts.copy_path("root", recursive=False)
    if stack.attributes:
        mounts.change(root, add=stack.attributes)
    return root
