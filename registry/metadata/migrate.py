"""Bringing a database's schema up to date.

An empty database is given the tables as they are declared. Only one that has older ones goes through the revisions, and
only for that is Alembic loaded, which takes a third of a start.
"""

from __future__ import annotations

import asyncio
import os
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex, CreateTable

from registry.errors import DatabaseUnavailable
from registry.metadata import revision, sqlite_connections
from registry.metadata.connecting import AS_IT_COMES, Connecting
from registry.metadata.schema import metadata
from registry.metadata.schema.partial import as_made_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")

# Any number will do, as long as every version of this program takes the same.
_ADVISORY_LOCK = 0x6D6F6F72616765

_LOCK_TIMEOUT_S = 1
# Half a minute in all; a registry that is never quiet for that long is to be migrated at another time.
_PAUSES_S = (0.1, 0.2, 0.5, *[1.0] * 12)


class BrokenReferences(Exception):
    """A row of `table` would refer to nothing in `parent`; all that was done with the database was undone."""

    def __init__(self, table: str, parent: str) -> None:
        self.table, self.parent = table, parent

    def __str__(self) -> str:
        return f"rows in {self.table} would refer to nothing in {self.parent}; nothing was changed"


def upgrade(url: str, connecting: Connecting = AS_IT_COMES) -> None:
    """Bring the database at `url` to this program's revision; a SQLite file is made if there is none.

    All of it is done in one transaction, alone among all nodes: if it fails, the database is as it was before. One that
    is at the revision that follows is left alone. Others may work meanwhile: where their transactions would keep it
    waiting, and all that come after behind it, it gives up and begins anew.
    Must be called outside an event loop, or in a thread.

    Raises:
        SchemaMismatch: the database is too new for this program.
        DatabaseUnavailable: it cannot be reached or written.
        BrokenReferences: a revision left rows that refer to nothing.
    """
    alone(url, bring_up_to_date, connecting)


def upgrade_to(url: str, target: str, directory: Path) -> None:
    """Bring the database at `url` to one of the revisions in `directory`, as `upgrade` does to the newest of ours."""
    alone(url, lambda connection: _upgrade(connection, target, directory))


def current(url: str, connecting: Connecting = AS_IT_COMES) -> str | None:
    """Give the revision that the database at `url` is at, None when it has never been migrated.

    Must be called outside an event loop, or in a thread.

    Raises:
        DatabaseUnavailable: it cannot be reached.
    """
    if url.startswith("sqlite:") and not Path(sqlite_connections.database_file(url)).exists():
        return None
    return alone(url, revision.current, connecting)


def scripts() -> Path:
    """Give the directory of the revisions that come with this program, installed or in its source tree."""
    program = Path(str(resources.files("registry")))
    installed = program / "_migrations"
    return installed if installed.is_dir() else program.parent / "migrations"


def bring_up_to_date(connection: Connection) -> None:
    """Give the database of `connection` this program's tables, in a transaction that `alone` has begun.

    Raises:
        SchemaMismatch, BrokenReferences: as `upgrade`.
    """
    if inspect(connection).get_table_names():
        _upgrade(connection, "head", scripts())
    else:
        _create(connection)
        revision.declare(connection)


def _create(connection: Connection) -> None:
    tables = metadata.sorted_tables
    for table in tables:
        connection.execute(CreateTable(table))
    # In one order: of two indexes that serve a statement equally well the database takes one by which came first, and
    # `create_all` makes them in another order in each process.
    for index in sorted((index for table in tables for index in table.indexes), key=lambda index: str(index.name)):
        connection.execute(CreateIndex(as_made_by(index, connection.dialect)))


def _upgrade(connection: Connection, target: str, directory: Path) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    found = revision.current(connection)
    config = Config()
    config.set_main_option("script_location", str(directory).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        if revision.is_served(found):
            # A newer program has been here, and this one goes on with what it left.
            return
        raise revision.SchemaMismatch(found)
    config.attributes["connection"] = connection
    command.upgrade(config, target)
    if revision.current(connection) != found:
        check_references(connection)


def check_references(connection: Connection) -> None:
    """Return if every row of a SQLite database refers to something; PostgreSQL sees to that by itself.

    Raises:
        BrokenReferences: one does not.
    """
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise BrokenReferences(str(broken[0]), str(broken[2]))


def alone(url: str, work: Callable[[Connection], T], connecting: Connecting = AS_IT_COMES) -> T:
    """Give what `work` gives, run in one transaction on the database at `url`, which nobody else migrates meanwhile.

    A SQLite file is made if there is none. When `work` fails, the database is as it was before. Must be called outside
    an event loop, or in a thread.

    Raises:
        DatabaseUnavailable: the database cannot be reached or written.
    """
    if url.startswith("sqlite:"):
        return _run_on_sqlite(Path(sqlite_connections.database_file(url)), work)
    return asyncio.run(_run_on_postgresql(url, work, connecting))


def _run_on_sqlite(path: Path, work: Callable[[Connection], T]) -> T:
    try:
        # The database holds secrets: nobody else may read it, or the log files beside it, which take its mode.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise DatabaseUnavailable(str(error)) from error
    engine = sqlite_connections.migrating_engine(path)
    try:
        with engine.connect() as connection, connection.begin():
            return work(connection)
    except DBAPIError as error:
        sqlite_connections.raise_meaning(error)
    finally:
        engine.dispose()


async def _run_on_postgresql(url: str, work: Callable[[Connection], T], connecting: Connecting) -> T:
    from registry.metadata import postgresql_errors
    from registry.metadata.postgresql_engine import engine_of

    engine = engine_of(url, connecting.unhurried())
    try:
        for pause_s in _PAUSES_S:
            try:
                return await _work_alone(engine, work)
            except Exception as error:
                if not postgresql_errors.is_in_the_way(error):
                    raise
            await asyncio.sleep(pause_s)
        return await _work_alone(engine, work)
    except Exception as error:  # noqa: BLE001 -- it is raised again
        postgresql_errors.raise_meaning(error)
    finally:
        await engine.dispose()


async def _work_alone(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
    async with engine.connect() as connection, connection.begin():
        await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        # Who waits for a whole table makes all wait who come later, so it does not wait for long.
        await connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT_S}s'")
        return await connection.run_sync(work)
