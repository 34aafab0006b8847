"""The metadata database as the services see it: units of work, and lookups of single rows.

A unit of work is a plain function `unit(tx, *args) -> result` that does all it has to do through `tx` and has no other
effect, because it may be run again when the database asks for it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from registry.metadata import revision
from registry.metadata.connecting import AS_IT_COMES, Connecting

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from registry.metadata.lookups import Lookups
    from registry.metadata.transaction import Transaction

P = ParamSpec("P")
T = TypeVar("T")

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Database(ABC):
    """The metadata of one registry, on SQLite or PostgreSQL; belongs to the event loop that opened it.

    All methods raise `DatabaseUnavailable` when the database cannot be reached or read, `DatabaseBusy` when it did not
    get to the request in time, and `StorageFull` when there is no room to write; all three from `registry.errors`.
    """

    lookups: Lookups
    inline_lookups = False
    """Whether lookups are answered without giving up the event loop."""

    @abstractmethod
    async def write(self, unit: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `unit` in a transaction and give its result once that is committed and durable.

        An exception of the unit undoes all that it did, and nothing that others did, and is raised here.
        """

    async def note(self, unit: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do what `write` does for a change that may be lost with the machine's power, but not with this process.

        What is written after it is not kept without it.
        """
        return await self.write(unit, *args, **kwargs)

    async def reclaim(self, unit: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do what `write` does, for a unit that makes room: it may use what is kept in reserve for a full disk."""
        return await self.write(unit, *args, **kwargs)

    @abstractmethod
    async def read(self, unit: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `unit`, which only reads, on one consistent view of the database."""

    @abstractmethod
    async def revision(self) -> str | None:
        """Give the schema revision that the database is at, None when it has never been migrated."""

    @abstractmethod
    async def ping(self) -> None:
        """Return when the database answers questions and has taken a transaction that changes a row.

        Raises:
            SchemaMismatch: it has been migrated too far for this program since it was opened.
        """

    @abstractmethod
    async def close(self) -> None:
        """Finish the units already handed over, then give up every connection. May be repeated."""

    async def __aenter__(self) -> Self:
        """Give the open database."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self.close()


async def open_database(url: str, connecting: Connecting = AS_IT_COMES) -> Database:
    """Open the database at `url`, `sqlite:////path/of/file` or `postgresql://…`, on the running event loop.

    PostgreSQL is connected to as `connecting` says. The caller closes the database.

    Raises:
        SchemaMismatch: the database has no tables yet, or those of a version too far from this one.
        DatabaseUnavailable: it cannot be reached.
        ValueError: the URL names no kind of database that this program knows.
    """
    database = _connector(url, connecting)
    try:
        found = await database.revision()
        if not revision.is_served(found):
            raise revision.SchemaMismatch(found)
    except BaseException:
        await database.close()
        raise
    return database


def write_nothing(tx: Transaction) -> None:
    """Write a row that says nothing to anybody: only a database that takes writes can do that."""
    tx.leases.acquire("health", "", until=_LONG_AGO, now=_LONG_AGO)


def _connector(url: str, connecting: Connecting) -> Database:
    # Either driver takes a while to import, and a process needs only one of them.
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        from registry.metadata.sqlite import SqliteDatabase
        from registry.metadata.sqlite_connections import database_file

        path = Path(database_file(url))
        if not path.exists():
            raise revision.SchemaMismatch(None)
        return SqliteDatabase(path)
    if scheme in {"postgresql", "postgres"}:
        from registry.metadata.postgresql import PostgresDatabase

        return PostgresDatabase(url, connecting)
    raise ValueError(f"{scheme!r} is no kind of database; use sqlite:////path or postgresql://host/name")
