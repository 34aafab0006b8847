"""The embedded metadata database: one SQLite file, shared by the processes of one machine."""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError

from registry.errors import DatabaseUnavailable, StorageFull
from registry.metadata import revision, sqlite_connections
from registry.metadata.database import Database, write_nothing
from registry.metadata.group_commit import GroupCommit
from registry.metadata.lookups import Lookups
from registry.metadata.sqlite_reserve import DISK_FULL, Reserve
from registry.metadata.statements import READ_ONLY_OPTION
from registry.metadata.transaction import Transaction
from registry.metadata.wal_index import WalIndex
from registry.metadata.writer_turns import WriterTurns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from registry.metadata.hot_statements import HotStatement

P = ParamSpec("P")
T = TypeVar("T")

_READERS = 4
_LOCKED_MS = 1000


class SqliteDatabase(Database):
    """The metadata in one SQLite file; opened by `open_database`, on the event loop that uses it."""

    inline_lookups = True

    def __init__(self, path: str | Path, *, busy_timeout_s: float = sqlite_connections.BUSY_TIMEOUT_S) -> None:
        """Open the file at `path`; a transaction waits for those of other processes for `busy_timeout_s`.

        Raises:
            DatabaseUnavailable: there is no database that this process may read and write.
        """
        reserve = Reserve(path)
        self._rows = _opened_rows(path, reserve)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="metadata-reader")
        self._reading = sqlite_connections.reading_engine(path, _READERS)
        self._writing = sqlite_connections.writing_engine(path, busy_timeout_s)
        self._reserve = reserve
        self._writer = GroupCommit(self._writing, path, _open_turns(path), reserve, patience_s=busy_timeout_s)
        self._closed = False
        self._wal_index = WalIndex.of(path)
        state = _untold if self._wal_index is None else self._wal_index.state
        self.lookups = Lookups(self._rows.fetch, self._reading.dialect, state=state)

    async def write(self, unit: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._writer.run(lambda transaction: unit(transaction, *args, **kwargs))

    async def note(self, unit: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._writer.run(lambda transaction: unit(transaction, *args, **kwargs), durable=False)

    async def reclaim(self, unit: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._writer.run(lambda transaction: unit(transaction, *args, **kwargs), makes_room=True)

    async def read(self, unit: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._read(lambda connection: unit(Transaction(connection), *args, **kwargs))

    async def revision(self) -> str | None:
        return await self._read(revision.current)

    async def ping(self) -> None:
        try:
            await self._writer.run(self._probe)
        except OSError as error:
            if error.errno in DISK_FULL:
                raise StorageFull(str(error)) from error
            raise DatabaseUnavailable(str(error)) from error
        await self.revision()

    def _probe(self, transaction: Transaction) -> None:
        write_nothing(transaction)
        # SQLite may still have room in its own files. On the writer's thread, in its turn: nobody else touches it.
        self._reserve.probe()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._writer.close()
        await asyncio.to_thread(self._readers.shutdown)
        if self._wal_index is not None:
            self._wal_index.close()
        self._rows.close()
        self._reading.dispose()
        # The last connection to close moves the log into the file: the writer's, which may.
        self._writing.dispose()

    async def _read(self, question: Callable[[Connection], T]) -> T:
        if self._closed:
            raise DatabaseUnavailable("the database is closed")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, partial(self._read_blocking, question))

    def _read_blocking(self, question: Callable[[Connection], T]) -> T:
        try:
            with self._reading.connect() as connection, connection.begin():
                return question(connection.execution_options(**{READ_ONLY_OPTION: True}))
        except (DBAPIError, sqlite3.Error) as error:
            sqlite_connections.raise_meaning(error)


class _InlineRows:
    """Single rows and few, read on the event loop itself.

    A read of one row through an index, from the system's page cache, takes some microseconds; handing it to a thread
    takes ten times as long and keeps the loop busier. So this one kind of disk access may stand on the loop.
    """

    def __init__(self, path: str | Path) -> None:
        """Open a connection of its own.

        Raises:
            DatabaseUnavailable: it cannot be opened.
        """
        try:
            self._connection = sqlite_connections.connect(path)
            self._connection.execute("PRAGMA query_only = ON")
            # Readers only meet a lock while another process recovers the log of one that died, which is quick.
            self._connection.execute(f"PRAGMA busy_timeout = {_LOCKED_MS}")
            # What connections share is there once one of them has read.
            self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            self._closed = False
        except sqlite3.Error as error:
            if isinstance(sqlite_connections.translated(error), StorageFull):
                raise StorageFull(f"{path}: {error}") from error
            # SQLite's own words do not say which file it is.
            raise DatabaseUnavailable(f"{path}: {error}") from error

    async def fetch(self, statement: HotStatement, values: dict[str, Any]) -> Sequence[Sequence[Any]]:
        """Give all rows that `statement` finds."""
        if self._closed:
            raise DatabaseUnavailable("the database is closed")
        try:
            # All rows of one: a statement that is not run to its end would keep seeing the past.
            return self._connection.execute(statement.text, statement.arguments(values)).fetchall()
        except sqlite3.Error as error:
            sqlite_connections.raise_meaning(error)

    def close(self) -> None:
        """Give up the connection."""
        self._closed = True
        self._connection.close()


def _opened_rows(path: str | Path, reserve: Reserve) -> _InlineRows:
    """Open the file; where its disk has no room even for that, in what is kept for what makes room."""
    try:
        return _InlineRows(path)
    except StorageFull:
        with suppress(OSError):
            reserve.release()
        return _InlineRows(path)


def _open_turns(path: str | Path) -> WriterTurns:
    try:
        return WriterTurns(path)
    except OSError as error:
        raise DatabaseUnavailable(str(error)) from error


def _untold() -> None:
    """Stand in for the state of a database that does not tell it."""
