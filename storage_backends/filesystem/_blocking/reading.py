"""Blobs that are there already: looked at, or taken from the page cache."""

from __future__ import annotations

import os
from pathlib import Path


def is_committed(blob: Path, size: int) -> bool:
    """Whether `blob` is there with this size: its name vouches for its content."""
    try:
        return blob.stat(follow_symlinks=False).st_size == size
    except FileNotFoundError:
        return False


def read_cached(path: str, size: int) -> bytes | None:
    """The first `size` bytes of a file if none of them has to come from the disk."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        buffer = bytearray(size)
        read = os.preadv(descriptor, [buffer], 0, os.RWF_NOWAIT)
    except OSError:
        # Not in the page cache, or a filesystem that cannot tell.
        return None
    finally:
        os.close(descriptor)
    return bytes(buffer) if read == size else None
