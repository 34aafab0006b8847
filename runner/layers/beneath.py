"""Open directories that lie beneath another one, whatever stands there.

Two ways to the same answer. Linux 5.6 walks a whole name in one call and promises not to leave the directory
(openat2(2), RESOLVE_BENEATH); on older kernels, or where a filter of system calls hides it, each component is opened
on its own. Neither follows a symbolic link.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
from collections.abc import Callable

from runner.layers.entries import Path

Opener = Callable[[int, Path], int]
"""Gives a new descriptor of the directory at a place beneath an open one. OSError tells that there is none: ENOENT, or
ENOTDIR or ELOOP where something else stands in the way."""

DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

# The number is the same on every architecture.
_SYS_OPENAT2 = 437
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_NO_SYMLINKS = 0x04
_RESOLVE_BENEATH = 0x08


class _OpenHow(ctypes.Structure):
    """Linux's struct open_how."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_HOW = _OpenHow(DIRECTORY_FLAGS, 0, _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS)


@functools.cache
def directory_opener() -> Opener:
    """The quicker of the two ways that this kernel has."""
    root = os.open("/", DIRECTORY_FLAGS)
    try:
        os.close(open_in_one_call(root, ()))
    except OSError:
        return open_by_components
    else:
        return open_in_one_call
    finally:
        os.close(root)


def open_in_one_call(root: int, path: Path) -> int:
    """The directory at `path` beneath `root`, by openat2(2).

    Raises:
        OSError: there is none, or no such system call.
    """
    syscall = _syscall()
    name = ctypes.c_char_p(b"/".join(path) or b".")
    while True:
        descriptor: int = syscall(_SYS_OPENAT2, root, name, ctypes.byref(_HOW), ctypes.sizeof(_HOW))
        if descriptor >= 0:
            return descriptor
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number), os.fsdecode(b"/".join(path)))


def open_by_components(root: int, path: Path) -> int:
    """The directory at `path` beneath `root`, one component after the other.

    Raises:
        OSError: there is none.
    """
    current = os.open(".", DIRECTORY_FLAGS, dir_fd=root)
    for name in path:
        above = current
        try:
            current = os.open(name, DIRECTORY_FLAGS, dir_fd=above)
        finally:
            os.close(above)
    return current


@functools.cache
def _syscall() -> Callable[..., int]:
    function = ctypes.CDLL(None, use_errno=True).syscall
    function.restype = ctypes.c_long
    return function
