"""Room that is kept beside a SQLite file for when its disk is full.

A deletion has to be written before it gives anything back, and on a full disk SQLite can write nothing at all: its log
grows with each transaction, and moving the log into the database may need room too. So a file beside the database
holds some, and gives it up to those transactions that make more. Until there is room to keep some again, no others are
begun: they would use it up.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from registry import limits
from registry.metadata.sqlite_files import open_beside

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""How the system says that there is no room."""

# Of a small disk, only a part: it would otherwise be full with nothing on it.
_PART_OF_DISK = 32
_PROBE_BYTES = 64 << 10
_BLOCK = 512


class Reserve:
    """The room that is kept beside one database, by all processes that use it; whoever calls this has the turn."""

    __slots__ = ("_database", "_descriptor", "_size")

    def __init__(self, database: str | Path) -> None:
        self._database = database
        self._descriptor = -1
        self._size = 0

    def ensure(self) -> bool:
        """Whether room is kept: still, or again, now that there is twice as much of it.

        True also where the disk does not let this be known: then it is SQLite's to say what is wrong with it.
        """
        try:
            descriptor = self._opened()
            if os.fstat(descriptor).st_blocks * _BLOCK >= self._size:
                return True
            disk = os.fstatvfs(descriptor)
            if disk.f_bavail * disk.f_frsize < 2 * self._size:
                return False
            os.posix_fallocate(descriptor, 0, self._size)
        except OSError as error:
            return error.errno not in DISK_FULL
        return True

    def release(self) -> None:
        """Give the room up to those that make more of it.

        Raises:
            OSError: it cannot be done.
        """
        os.ftruncate(self._opened(), 0)

    def probe(self) -> None:
        """Return if there is some room beside what is kept.

        Raises:
            OSError: there is none, or the disk takes no writes.
        """
        descriptor = self._opened()
        try:
            os.posix_fallocate(descriptor, self._size, _PROBE_BYTES)
        finally:
            if os.fstat(descriptor).st_size > self._size:
                os.ftruncate(descriptor, self._size)

    def close(self) -> None:
        """Keep the room, and no descriptor of it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _opened(self) -> int:
        if self._descriptor < 0:
            self._descriptor = open_beside(self._database, "-reserve", os.O_RDWR)
            disk = os.fstatvfs(self._descriptor)
            self._size = min(limits.DATABASE_RESERVE_BYTES, disk.f_blocks * disk.f_frsize // _PART_OF_DISK)
        return self._descriptor
