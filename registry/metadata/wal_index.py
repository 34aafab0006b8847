"""What state a SQLite database is in, read from the memory that its connections share.

In WAL mode every commit writes the header of the *WAL-index* (the `-shm` file, mapped by every connection), and every
transaction that begins compares it with what it saw last (sqlite.org, "WAL-mode File Format", "The WAL-Index
Header"). The header counts changes and holds the log's length, salts and running checksum, so as long as its bytes
are the same, so is all that a transaction which begins now would see. Comparing them takes a fraction of a
microsecond; running a query takes ten.

The file itself is never opened here. SQLite's locks on it are of the old kind that a process loses as soon as it closes
any descriptor of the file (fcntl(2), "Advisory record locking"), and the next process to come would then find nobody
there, and begin the index anew under the hands of those who use it. So what is read is the memory that SQLite has
mapped already.
"""

from __future__ import annotations

import ctypes
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

    __slots__ = ("_headers",)

    def __init__(self, address: int) -> None:
        self._headers: ctypes.Array[ctypes.c_char] | None = (ctypes.c_char * (2 * _HEADER_SIZE)).from_address(address)

    @classmethod
    def of(cls, database: str | Path) -> Self | None:
        """The WAL-index of the file `database`, which this process has open and has read.

        It is closed before the connection that has. None where there is none, or one of a format that this program does
        not know.
        """
        address = _mapped_at(f"{os.path.realpath(database)}-shm")
        if address is None or _FORMAT.unpack(ctypes.string_at(address, _FORMAT.size))[0] != _KNOWN_FORMAT:
            return None
        return cls(address)

    def state(self) -> bytes | None:
        """Bytes that are different after every change of the database; None while one is being made, or once closed."""
        if self._headers is None:
            return None
        # One copy: every question begins with it, and `string_at` takes several times as long.
        both: bytes = self._headers.raw
        first = both[:_HEADER_SIZE]
        return first if both.endswith(first) else None

    def close(self) -> None:
        """Look at the memory no more: it may be gone as soon as the connection is."""
        self._headers = None


def _mapped_at(path: str) -> int | None:
    """Where this process has mapped the beginning of the file `path` (proc_pid_maps(5)); None where it has not."""
    with Path("/proc/self/maps").open(errors="surrogateescape") as maps:
        for line in maps:
            place, mode, offset, _, _, *name = line.rstrip("\n").split(maxsplit=5)
            if name == [path] and mode.endswith("s") and int(offset, 16) == 0:
                return int(place.partition("-")[0], 16)
    return None
