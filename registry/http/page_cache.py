"""Whether a part of a file is in memory, so that to send it never waits for the disk (cachestat(2), Linux 6.5)."""

from __future__ import annotations

import ctypes
import functools
import mmap
from collections.abc import Callable
from typing import Final

from registry.http.ranges import ByteRange

# The number is the same on every architecture.
_SYS_CACHESTAT: Final = 451


class _Range(ctypes.Structure):
    """Linux's struct cachestat_range."""

    _fields_ = (("offset", ctypes.c_uint64), ("length", ctypes.c_uint64))


class _Statistics(ctypes.Structure):
    """Linux's struct cachestat, in pages."""

    _fields_ = (
        ("cached", ctypes.c_uint64),
        ("dirty", ctypes.c_uint64),
        ("written_back", ctypes.c_uint64),
        ("evicted", ctypes.c_uint64),
        ("recently_evicted", ctypes.c_uint64),
    )


def is_cached(descriptor: int, part: ByteRange) -> bool:
    """Whether all of `part`, which is not empty, is in the page cache now; False where the kernel cannot tell.

    It takes about as long as to look at each page.
    """
    asked, found = _Range(part.start, part.size), _Statistics()
    if _syscall()(_SYS_CACHESTAT, descriptor, ctypes.byref(asked), ctypes.byref(found), 0) != 0:
        return False
    pages: int = (part.stop - 1) // mmap.PAGESIZE - part.start // mmap.PAGESIZE + 1
    return bool(found.cached == pages)


@functools.cache
def _syscall() -> Callable[..., int]:
    # Not CDLL: what never waits need not let other threads run meanwhile, and to get the interpreter back costs more.
    function = ctypes.PyDLL(None).syscall
    function.restype = ctypes.c_long
    return function
