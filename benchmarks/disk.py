"""The disk under a measurement: made quiet before a round, and tried with a plain program's write."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

_MIB = 1024 * 1024
_TRIED_SIZE = 64 * _MIB
_DROP_CACHES = Path("/proc/sys/vm/drop_caches")
_MEMORY_ONLY = {"tmpfs", "ramfs"}


def settle() -> None:
    """Have everything written that waits for it, and forget what was read where that is permitted (to root).

    What one round left to the kernel must not be paid by the next one.
    """
    os.sync()
    try:
        _DROP_CACHES.write_text("1\n")
    except OSError:
        return


def durable_speed(directory: Path) -> float:
    """How fast (bytes/s) one plain program writes a file of 64 MiB durably into `directory`, at this moment."""
    block = os.urandom(_MIB)
    with tempfile.TemporaryFile(dir=directory) as file:
        began = time.monotonic()
        for _ in range(_TRIED_SIZE // _MIB):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
        return _TRIED_SIZE / (time.monotonic() - began)


def is_memory_only(file_system: str) -> bool:
    """Whether nothing on a file system of this type survives a crash, so that no upload to it can be durable."""
    return file_system in _MEMORY_ONLY
