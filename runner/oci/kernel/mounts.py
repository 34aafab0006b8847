"""Mounts by descriptor: made detached, set, and only then put in their place (mount_setattr(2), fsopen(2)).

No name is resolved twice, so nothing can be put in its place in between. Linux 5.12 has all of it.
"""

from __future__ import annotations

import os

from runner import plain_ctypes as ctypes
from runner.oci.errors import CallFailed
from runner.oci.kernel.calls import library_call, pointer, system_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

READ_ONLY: Final = 0x01
NO_SUID: Final = 0x02
NO_DEV: Final = 0x04
NO_EXEC: Final = 0x08
ATIME_MASK: Final = 0x70
RELATIVE_ATIME: Final = 0x00
NO_ATIME: Final = 0x10
STRICT_ATIME: Final = 0x20
NO_DIRECTORY_ATIME: Final = 0x80
NO_SYMLINK_FOLLOW: Final = 0x20_0000
ID_MAPPED: Final = 0x10_0000

UNBINDABLE: Final = 1 << 17
PRIVATE: Final = 1 << 18
SLAVE: Final = 1 << 19
SHARED: Final = 1 << 20

_AT_FDCWD: Final = -100
_AT_EMPTY_PATH: Final = 0x1000
_AT_RECURSIVE: Final = 0x8000
_OPEN_TREE_CLONE: Final = 1
_FROM_AND_TO_DESCRIPTORS: Final = 0x04 | 0x40
_SET_FLAG: Final = 0
_SET_STRING: Final = 1
_CREATE: Final = 6
_CLOEXEC: Final = 1
_DETACH: Final = 2


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def new_filesystem(kind: str, source: str, options: tuple[str, ...], attributes: int) -> int:
    """A detached mount of a new file system; the descriptor is its root.

    Args:
        kind: its name, such as `tmpfs`.
        source: what the list of mounts shows for it, or the device.
        options: each `name` or `name=value`, as mount(8) takes them behind `-o`.
        attributes: of READ_ONLY and the others.

    Raises:
        CallFailed: the kernel does not know it or does not take an option; the error's text is the kernel's.
    """
    context = system_call("fsopen", kind, _CLOEXEC, about=kind)
    try:
        if source:
            _configure(context, _SET_STRING, "source", source)
        for option in options:
            name, separator, value = option.partition("=")
            _configure(context, _SET_STRING if separator else _SET_FLAG, name, value if separator else None)
        _configure(context, _CREATE, None, None)
        return system_call("fsmount", context, _CLOEXEC, attributes, about=kind)
    finally:
        os.close(context)


def copy_path(path: str, *, recursive: bool) -> int:
    """A detached copy of what is mounted at a path, with what is mounted beneath it if `recursive`.

    Raises:
        CallFailed: there is no such path.
    """
    return _open_tree(_AT_FDCWD, path, recursive)


def copy_descriptor(descriptor: int, *, recursive: bool) -> int:
    """Like `copy_path`, of what is open.

    Raises:
        CallFailed: the kernel refuses.
    """
    return _open_tree(descriptor, "", recursive)


def attach(mount: int, target: int) -> None:
    """Put a detached mount onto an open directory or file. The mount's descriptor then is where it is mounted.

    Raises:
        CallFailed: one is a directory and the other not, or the kernel refuses.
    """
    system_call("move_mount", mount, b"", target, b"", _FROM_AND_TO_DESCRIPTORS)


def change(
    mount: int, *, add: int = 0, remove: int = 0, propagation: int = 0, user_namespace: int = 0, recursive: bool = False
) -> None:
    """Change a mount's attributes, how it propagates, or whose IDs it shows, in one step.

    Raises:
        CallFailed: the descriptor is not the root of a mount, or an attribute is locked by another user namespace.
    """
    changes = _MountAttributes(add, remove, propagation, user_namespace)
    flags = _AT_EMPTY_PATH | (_AT_RECURSIVE if recursive else 0)
    system_call("mount_setattr", mount, b"", flags, pointer(changes), ctypes.sizeof(changes))


def propagate(path: str, propagation: int, *, recursive: bool) -> None:
    """Change how the mount at a path of this process's root propagates.

    Raises:
        CallFailed: it is no mount.
    """
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        change(descriptor, propagation=propagation, recursive=recursive)
    finally:
        os.close(descriptor)


def make_root(root: int) -> None:
    """Make an open mount the root of this mount namespace, and let go of the one before.

    Raises:
        CallFailed: it is no mount, or the one above it is shared.
    """
    old = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fchdir(root)
        # The old root lies upon the new one then, at the same place, so that no directory is needed for it.
        library_call("pivot_root", b".", b".")
        # Where the old root shares with the host what is mounted in it, its end must not.
        change(old, propagation=SLAVE, recursive=True)
        os.fchdir(old)
        library_call("umount2", b".", _DETACH)
    finally:
        os.close(old)
    os.chdir("/")


def _open_tree(directory: int, path: str, recursive: bool) -> int:
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC | (_AT_EMPTY_PATH if not path else 0) | (_AT_RECURSIVE if recursive else 0)
    return system_call("open_tree", directory, path, flags, about=path)


def _configure(context: int, command: int, name: str | None, value: str | None) -> None:
    try:
        system_call("fsconfig", context, command, name, value, 0)
    except CallFailed as error:
        words = _kernel_words(context) or error.cause.strerror
        about = name or ""
        raise CallFailed("mount", about, OSError(error.cause.errno, words)) from error


def _kernel_words(context: int) -> str:
    """What the kernel has written about the last error: lines that begin with e, w or i and a space."""
    words: list[str] = []
    while True:
        try:
            line = os.read(context, 1024).decode("utf-8", "backslashreplace").strip()
        except OSError:
            return "; ".join(words)
        words.append(line[2:])
