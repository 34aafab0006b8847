"""What state a SQLite database is in, read from the memory that its connections share.

In WAL mode every commit writes the header of the *WAL-index* (the `-shm` file, mapped by every connection), and every
transaction that begins compares it with what it saw last (sqlite.org, "WAL-mode File Format", "The WAL-Index
Header"). The header counts changes and holds the log's length, salts and running checksum, so as long as its bytes
are the same, so is all that a transaction which begins now would see. Comparing them takes a fraction of a
microsecond; running a query takes ten.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path
from typing import Self

# The header stands there twice, so that a reader notices when one of them is just being written.
_HEADER_SIZE = 48
_FORMAT = struct.Struct("=I")
_KNOWN_FORMAT = 3007000


class WalIndex:
    """The header of one database's WAL-index."""

    __slots__ = ("_header",)

    def __init__(self, header: mmap.mmap) -> None:
        self._header = header

    @classmethod
    def of(cls, database: str | Path) -> Self | None:
        """The WAL-index of the file `database`, which this process must have open and have read; closed by the caller.

        None where it cannot be mapped, or is of a format that this program does not know.
        """
        try:
            descriptor = os.open(f"{database}-shm", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            header = mmap.mmap(descriptor, 2 * _HEADER_SIZE, mmap.MAP_SHARED, mmap.PROT_READ)
        except (OSError, ValueError):
            return None
        finally:
            os.close(descriptor)
        if _FORMAT.unpack_from(header)[0] != _KNOWN_FORMAT:
            header.close()
            return None
        return cls(header)

    def state(self) -> bytes | None:
        """Bytes that are different after every change of the database; None while one is being made, or once closed."""
        if self._header.closed:
            return None
        both = self._header[: 2 * _HEADER_SIZE]
        first = both[:_HEADER_SIZE]
        return first if first == both[_HEADER_SIZE:] else None

    def close(self) -> None:
        """Give up the memory."""
        self._header.close()
