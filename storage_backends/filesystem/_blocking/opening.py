"""Blobs' files, opened for reading: at once where the kernel need not ask the disk for it, or in a thread."""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import stat
from collections.abc import Callable
from typing import NamedTuple

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC

# openat2(2): its number is the same on every architecture. Linux 5.12 can be told to look at what it remembers only.
_SYS_OPENAT2 = 437
_AT_FDCWD = -100
_RESOLVE_CACHED = 0x20
# Whatever is mounted in the same microsecond, anywhere on the machine, makes the kernel give up as well.
_TRIES = 2


class OpenedFile(NamedTuple):
    """An open file, and its size in bytes when it was opened; whoever has it closes it."""

    descriptor: int
    size: int


class _OpenHow(ctypes.Structure):
    """Linux's struct open_how."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_CACHED = _OpenHow(_FLAGS, 0, _RESOLVE_CACHED)


def open_blob(path: str) -> OpenedFile:
    """The regular file at `path`; this may take as long as the disk does.

    Raises:
        OSError: it cannot be opened, or is something else.
    """
    return _opened(os.open(path, _FLAGS))


def open_cached(path: str) -> OpenedFile | None:
    """The regular file at `path`, within microseconds; None where that cannot be, for whatever reason."""
    named = ctypes.c_char_p(os.fsencode(path))
    for _ in range(_TRIES):
        descriptor = _syscall()(_SYS_OPENAT2, _AT_FDCWD, named, ctypes.byref(_CACHED), ctypes.sizeof(_CACHED))
        if descriptor >= 0:
            break
    else:
        return None
    try:
        return _opened(descriptor)
    except OSError:
        return None


def is_removed(descriptor: int) -> bool:
    """Whether the open file has no name any more: to close it then frees its blocks, which takes a while."""
    return os.fstat(descriptor).st_nlink == 0


def _opened(descriptor: int) -> OpenedFile:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    return OpenedFile(descriptor, status.st_size)


@functools.cache
def _syscall() -> Callable[..., int]:
    # Not CDLL: what never waits need not let other threads run meanwhile, and to get the interpreter back costs more.
    function = ctypes.PyDLL(None).syscall
    function.restype = ctypes.c_long
    return function
