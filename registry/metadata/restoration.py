"""A backup's rows into a database that holds nothing yet, all of them or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import BigInteger, column, delete, func, literal, select, table, text

from registry.metadata import migrate
from registry.metadata.connecting import AS_IT_COMES, Connecting
from registry.metadata.plain_rows import PASSING, TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection

    from registry.metadata.plain_rows import PlainTable

T = TypeVar("T")

# Ids that were given since the backup was made are given to nobody else: what remembers one, as a token does that of
# its account, must find nothing.
_IDS_PASSED_OVER = 1 << 20

_BYTES_AT_ONCE = 8 << 20

_LARGEST_ID = select(func.coalesce(func.max(column("id", BigInteger)), 0))
_FORGET_IDS_ON_SQLITE = text("DELETE FROM sqlite_sequence WHERE name = :name")
_NOTE_IDS_ON_SQLITE = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)")
_NOTE_IDS_ON_POSTGRESQL = text("SELECT setval(CAST(pg_get_serial_sequence(:name, 'id') AS regclass), :last)")


class DatabaseNotEmpty(Exception):
    """The database holds a registry; a backup is restored into an empty one."""


class Restoration:
    """The new database, in the one transaction that fills it."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        """Stand on a connection whose transaction has begun; the caller ends it."""
        self._connection = connection

    def put(self, into: PlainTable, rows: Iterable[Sequence[Any]], last_id: int | None) -> None:
        """Put all `rows` into a table that has none; its next ids lie beyond `last_id`, with a distance."""
        batch: list[dict[str, Any]] = []
        size = 0
        for row in rows:
            batch.append(dict(zip(into.columns, row, strict=True)))
            size += sum(len(value) for value in row if isinstance(value, (bytes, str)))
            if len(batch) == into.rows_at_once or size > _BYTES_AT_ONCE:
                self._connection.execute(into.inserted, batch)
                batch, size = [], 0
        if batch:
            self._connection.execute(into.inserted, batch)
        if into.gives_ids:
            self._pass_over_ids(into, last_id or 0)

    def _pass_over_ids(self, of: PlainTable, last_id: int) -> None:
        largest: int = self._connection.execute(_LARGEST_ID.select_from(table(of.name))).scalar_one()
        values = {"name": of.name, "last": max(last_id, largest) + _IDS_PASSED_OVER}
        if self._connection.dialect.name == "sqlite":
            self._connection.execute(_FORGET_IDS_ON_SQLITE, {"name": of.name})
            self._connection.execute(_NOTE_IDS_ON_SQLITE, values)
        else:
            self._connection.execute(_NOTE_IDS_ON_POSTGRESQL, values)


def restore(url: str, work: Callable[[Restoration], T], connecting: Connecting = AS_IT_COMES) -> T:
    """Give what `work` gives once all that it has put into the database at `url` is durable.

    The database is made, or given its tables, where that is to be done. When `work` fails nothing has changed. Nothing
    may serve the registry meanwhile. Must be called outside an event loop, or in a thread.

    Raises:
        DatabaseNotEmpty: there is something in the database.
        SchemaMismatch: it is newer than this program.
        DatabaseUnavailable: it cannot be reached or written.
        BrokenReferences: a row refers to another one that is not there.
    """

    def fill(connection: Connection) -> T:
        migrate.bring_up_to_date(connection)
        _require_empty(connection)
        result = work(Restoration(connection))
        migrate.check_references(connection)
        return result

    return migrate.alone(url, fill, connecting)


def _require_empty(connection: Connection) -> None:
    """Take away what any start of the registry makes, and refuse if there is more."""
    for each in TABLES:
        if each.is_made_at_start:
            connection.execute(delete(table(each.name)))
        elif connection.execute(select(literal(1)).select_from(table(each.name)).limit(1)).first() is not None:
            raise DatabaseNotEmpty
    for passing in PASSING:
        connection.execute(delete(passing))
