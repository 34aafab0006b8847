"""One consistent view of the whole database, read row by row while others write.

It is one transaction, however long that takes. On SQLite the log grows meanwhile by what is written; on PostgreSQL
removed rows keep their room.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import func, select, table, text
from sqlalchemy.exc import DBAPIError

from registry.metadata import revision, sqlite_connections
from registry.metadata.connecting import AS_IT_COMES, Connecting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection

    from registry.metadata.plain_rows import PlainTable

T = TypeVar("T")

_LAST_ID_ON_SQLITE = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
_LAST_ID_ON_POSTGRESQL = text("SELECT pg_sequence_last_value(CAST(pg_get_serial_sequence(:name, 'id') AS regclass))")
# A backup of a large registry reads for longer than any request may take, and rests between its rows.
_PATIENCE = ("SET LOCAL statement_timeout = 0", "SET LOCAL idle_in_transaction_session_timeout = 0")


class Snapshot:
    """The database as it was when the snapshot was begun."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        """Stand on a connection whose transaction sees one state of the database; the caller ends it."""
        self._connection = connection

    def count(self, of: PlainTable) -> int:
        """Count the rows of a table."""
        counted: int = self._connection.execute(select(func.count()).select_from(table(of.name))).scalar_one()
        return counted

    def last_id(self, of: PlainTable) -> int | None:
        """Give the last id that the table gave a row, be it there or not; None if it gave none."""
        if not of.gives_ids:
            return None
        on_sqlite = self._connection.dialect.name == "sqlite"
        statement = _LAST_ID_ON_SQLITE if on_sqlite else _LAST_ID_ON_POSTGRESQL
        last: int | None = self._connection.execute(statement, {"name": of.name}).scalar_one_or_none()
        return last

    def rows(self, of: PlainTable) -> Iterator[Sequence[Any]]:
        """Give all rows of a table, in the order of its primary key; few of them are in memory."""
        yield from self._connection.execution_options(yield_per=of.rows_at_once).execute(of.ordered)


def read(url: str, work: Callable[[Snapshot], T], connecting: Connecting = AS_IT_COMES) -> T:
    """Give what `work` makes of a snapshot of the database at `url`; all that was acknowledged before is in it.

    Must be called outside an event loop, or in a thread.

    Raises:
        SchemaMismatch: the database has no tables yet, or those of another version.
        DatabaseUnavailable, DatabaseBusy: it cannot be read.
    """
    if url.startswith("sqlite:"):
        return _read_on_sqlite(Path(sqlite_connections.database_file(url)), work)
    return asyncio.run(_read_on_postgresql(url, work, connecting))


def _read_on_sqlite(path: Path, work: Callable[[Snapshot], T]) -> T:
    if not path.exists():
        raise revision.SchemaMismatch(None)
    engine = sqlite_connections.reading_engine(path, 1)
    try:
        with engine.connect() as connection, connection.begin():
            return work(_opened(connection))
    except DBAPIError as error:
        sqlite_connections.raise_meaning(error)
    finally:
        engine.dispose()


async def _read_on_postgresql(url: str, work: Callable[[Snapshot], T], connecting: Connecting) -> T:
    from registry.metadata import postgresql_errors
    from registry.metadata.postgresql_engine import engine_of

    engine = engine_of(url, connecting.unhurried())
    reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    try:
        async with reading.connect() as connection, connection.begin():
            for setting in _PATIENCE:
                await connection.exec_driver_sql(setting)
            return await connection.run_sync(lambda held: work(_opened(held)))
    except Exception as error:  # noqa: BLE001 -- it is raised again
        postgresql_errors.raise_meaning(error)
    finally:
        await engine.dispose()


def _opened(connection: Connection) -> Snapshot:
    found = revision.current(connection)
    if found != revision.HEAD:
        raise revision.SchemaMismatch(found)
    return Snapshot(connection)
