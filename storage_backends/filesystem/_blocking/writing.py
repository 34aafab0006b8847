"""Bytes into files."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from storage_backends.libcrypto import Buffer

FILE_MODE = 0o640
"""What a new file may be used for: its owner's programs write it, a group may read it, for backups."""

# Linux gets the pages for a write in one piece as large as it is, if it can. From 2 MiB on such a piece is what a
# virtual machine gives back to its host as long as it is free; to have it again costs ten times what copying does.
_WRITE_SIZE = 1 << 20
_PROBE = b"moorage\n"
_SYNC_FILE_RANGE_WRITE = 2
# More than the registry keeps beside its database for deletions (`registry.limits`), and gives up to them.
_KEPT_SIZE = 16 << 20
# Of a small disk, only a part.
_KEPT_PART = 16


def write_all(descriptor: int, block: Iterable[Buffer], offset: int) -> int:
    """Write all of `block` from `offset` on; where it ends."""
    rest = [memoryview(buffer) for buffer in block]
    while rest:
        piece = rest if len(rest[0]) <= _WRITE_SIZE else [rest[0][:_WRITE_SIZE]]
        written = os.pwritev(descriptor, piece, offset)
        offset += written
        while rest and written >= len(rest[0]):
            written -= len(rest.pop(0))
        if written:
            rest[0] = rest[0][written:]
    return offset


def require_room(descriptor: int) -> None:
    """Return if the disk has room for uploads: its last is left to what makes more.

    A deletion has to be written before it gives anything back, often on the same disk, and uploads would be quicker.

    Raises:
        OSError: it has not.
    """
    disk = os.fstatvfs(descriptor)
    kept = min(_KEPT_SIZE, disk.f_blocks * disk.f_frsize // _KEPT_PART)
    if disk.f_bavail * disk.f_frsize < kept:
        raise OSError(errno.ENOSPC, f"No space left on device for uploads: {kept} bytes are kept for what makes room")


def begin_writing_back(descriptor: int, offset: int, size: int) -> None:
    """Have the kernel begin to write a range of a file to the disk; that it ended, only `os.fsync` can tell."""
    if _sync_file_range is not None:
        # Whatever is wrong with the disk is still wrong at the sync.
        _sync_file_range(descriptor, offset, size, _SYNC_FILE_RANGE_WRITE)


def copy_durably(source: Path, target: Path, size: int) -> None:
    """Make the file `target` of the first `size` bytes of another, and see them to the disk."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        with source.open("rb", buffering=0) as original:
            copied = 0
            while copied < size:
                part = os.sendfile(descriptor, original.fileno(), copied, size - copied)
                if part == 0:
                    raise OSError(errno.EIO, "fewer bytes were there than were counted", str(source))
                copied += part
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def probe(path: Path) -> None:
    """Write a small file, see it to the disk, read it back and remove it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        write_all(descriptor, [_PROBE], 0)
        os.fsync(descriptor)
        if os.pread(descriptor, len(_PROBE), 0) != _PROBE:
            raise OSError(errno.EIO, "other bytes came back than were written", str(path))
    finally:
        os.close(descriptor)
        path.unlink()


def _load_sync_file_range() -> Any:
    """Linux's own sync_file_range(2), which Python does not have; None in a C library without it."""
    function = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if function is not None:
        function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return function


_sync_file_range = _load_sync_file_range()
