"""Names resolved beneath an open directory, as the kernel resolves them in a root (openat2(2))."""

from __future__ import annotations

import errno
import os

from runner import plain_ctypes as ctypes
from runner.oci.errors import CallFailed
from runner.oci.kernel.calls import pointer, system_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

DIRECTORY: Final = os.O_DIRECTORY | os.O_PATH | os.O_CLOEXEC

_NO_MAGIC_LINKS: Final = 0x02
_NO_SYMLINKS: Final = 0x04
_BENEATH: Final = 0x08
_IN_ROOT: Final = 0x10
_CLOSE_RANGE_CLOEXEC: Final = 4
_LAST_DESCRIPTOR: Final = 2**32 - 1


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def open_in_root(root: int, path: str, flags: int = os.O_PATH) -> int:
    """Open what `path` is to somebody whose root is `root`; symbolic links do not lead out of it, `..` neither.

    Links of /proc that are no names, such as /proc/PID/root, are not followed.

    Raises:
        CallFailed: there is nothing, or the kernel refuses.
    """
    return _open(root, path, flags, _IN_ROOT | _NO_MAGIC_LINKS)


def open_beneath(root: int, path: str, flags: int) -> int:
    """Open what `path`, relative and without a symbolic link in it, names beneath `root`.

    Raises:
        CallFailed: there is nothing, something stands in the way, or the kernel refuses.
    """
    return _open(root, path, flags, _BENEATH | _NO_SYMLINKS | _NO_MAGIC_LINKS)


def is_missing(error: CallFailed) -> bool:
    """Whether a name could not be opened because it does not exist."""
    return error.cause.errno in {errno.ENOENT, errno.ENOTDIR}


def close_on_exec(first: int) -> None:
    """Let no descriptor from `first` on reach the next program.

    Raises:
        CallFailed: the kernel refuses.
    """
    system_call("close_range", first, _LAST_DESCRIPTOR, _CLOSE_RANGE_CLOEXEC)


def close_others(first: int, kept: Iterable[int]) -> None:
    """Close every descriptor from `first` on but those, whoever in this process believes to have it.

    Raises:
        CallFailed: the kernel refuses.
    """
    for descriptor in (*sorted(kept), _LAST_DESCRIPTOR + 1):
        if first < descriptor:
            system_call("close_range", first, descriptor - 1, 0)
        first = descriptor + 1


def _open(root: int, path: str, flags: int, resolve: int) -> int:
    how = _OpenHow(flags | os.O_CLOEXEC, 0, resolve)
    while True:
        try:
            return system_call("openat2", root, path, pointer(how), ctypes.sizeof(how), about=path)
        except CallFailed as error:
            # EAGAIN: something was renamed meanwhile, and the kernel cannot tell whether a `..` led out (openat2(2)).
            if error.cause.errno not in {errno.EAGAIN, errno.EINTR}:
                raise
