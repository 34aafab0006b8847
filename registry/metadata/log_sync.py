"""One thread that sees the write-ahead log of a SQLite file to the disk, for all transactions that wait for that.

SQLite itself would do it inside each commit (`synchronous=FULL`), with its write lock held: whoever wants to write
next, in any process, would wait for the disk, also those who only note something. To sync the log's file after the
commit promises the same, once for all that were committed meanwhile: their frames stand in it; or they were moved into
the database, and then SQLite had to see them to the disk before (`synchronous=NORMAL`,
https://www.sqlite.org/wal.html).
"""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Generic, TypeVar

from registry.errors import DatabaseUnavailable, StorageFull
from registry.metadata import sqlite_connections
from registry.metadata.sqlite_reserve import DISK_FULL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from registry.errors import Unavailable

T = TypeVar("T")


class LogSync(Generic[T]):
    """The log of one database, as one process sees it to the disk."""

    def __init__(
        self, database: str | Path, told: Callable[[Sequence[T], Unavailable | None], None], patience_s: float
    ) -> None:
        """Start the thread, which tells of what was handed over once that is on the disk, or why it is not.

        `told` is called on it. What has to wait for others does so for `patience_s` seconds.
        """
        self._database = database
        self._told = told
        self._patience_s = patience_s
        self._queue: queue.SimpleQueue[T | None] = queue.SimpleQueue()
        self._is_suspect = False
        self._thread = threading.Thread(target=self._run, name="metadata-log", daemon=True)
        self._thread.start()

    def see_to_disk(self, committed: T) -> None:
        """Tell of `committed`, which has just been, when it is on the disk."""
        self._queue.put(committed)

    def close(self) -> None:
        """End the thread after what was handed over."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            together = [first, *self._all_that_wait()]
            self._told(together, self._outcome())

    def _all_that_wait(self) -> Iterator[T]:
        while True:
            try:
                committed = self._queue.get_nowait()
            except queue.Empty:
                return
            if committed is None:
                self._queue.put(None)
                return
            yield committed

    def _outcome(self) -> Unavailable | None:
        try:
            self._move() if self._is_suspect else self._sync()
        except OSError as error:
            # After a sync that failed the kernel may take for clean what never reached the disk (fsync(2)), and a
            # second one would not tell.
            self._is_suspect = True
            return StorageFull(str(error)) if error.errno in DISK_FULL else DatabaseUnavailable(str(error))
        except sqlite3.Error as error:
            return sqlite_connections.translated(error) or DatabaseUnavailable(str(error))
        self._is_suspect = False
        return None

    def _sync(self) -> None:
        descriptor = os.open(f"{self._database}-wal", os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def _move(self) -> None:
        """Write all that the log holds anew, into the database, and see that to the disk."""
        with closing(sqlite_connections.connect(self._database, busy_timeout_s=self._patience_s)) as connection:
            is_held_up, frames, moved = connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
        if is_held_up or frames != moved:
            raise sqlite3.OperationalError("the log could not be moved into the database after a failed sync")
