"""Turns at writing a SQLite file, for the processes of one machine that share it.

SQLite itself makes a process that meets another's lock sleep and look again, longer each time: with two writers the
file is idle most of the time, and one of them may wait for seconds. The kernel wakes whoever waits for a file lock as
soon as it is free. SQLite's own lock still decides; whoever does not know of turns only makes others wait there.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from registry.metadata.sqlite_files import open_beside

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class WriterTurns:
    """The turns at one database file; entering waits, in this thread, until it is this process's.

    They are taken by locking an empty file beside it, `<database>-turn`, which is made once and never removed.
    """

    __slots__ = ("_descriptor",)

    def __init__(self, database: str | Path) -> None:
        """Open the lock file of the existing file `database`.

        Raises:
            OSError: it cannot be opened.
        """
        self._descriptor = open_beside(database, "-turn", os.O_RDONLY)

    def __enter__(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give up the lock file, and the turn if it is this process's."""
        os.close(self._descriptor)
