"""How this program opens a SQLite file, and what SQLite's errors mean to it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote

from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from registry.errors import DatabaseBusy, DatabaseUnavailable, StorageFull

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection, Engine

    from registry.errors import Unavailable

BUSY_TIMEOUT_S = 10
"""How long a transaction waits for another process's: longer than any unit of work, shorter than clients wait."""

_PRAGMAS = (
    # FULL: with NORMAL a power cut could take back a transaction that was acknowledged.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -8192",
    # Pages come from the system's cache without a copy; only what is touched counts as memory.
    "PRAGMA mmap_size = 268435456",
    # A long listing may let the log grow once; afterwards it gives the room back.
    "PRAGMA journal_size_limit = 67108864",
)
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_PRIMARY_CODE = 0xFF
_UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)


def database_file(url: str) -> str:
    """Give the path that a `sqlite:///…` URL names.

    Raises:
        ValueError: it names no file.
    """
    # Nothing is escaped in it, and no options follow: what the configuration says is the path.
    path = url.removeprefix("sqlite:///")
    if path in {"", ":memory:", url}:
        raise ValueError(f"{url} names no file; use sqlite:////path/of/file")
    return path


def connect(path: str | Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> sqlite3.Connection:
    """Open the existing file at `path`, in autocommit mode.

    Raises:
        sqlite3.Error: it cannot be opened or is no database.
    """
    # mode=rw: a file that is not there is a mistake in the configuration, never a new and empty registry.
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=busy_timeout_s,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def writing_engine(path: str | Path, busy_timeout_s: float) -> Engine:
    """Give an engine with one connection, whose transactions hold the file's write lock from their beginning.

    What it commits is on the disk once `registry.metadata.log_sync` has seen to it.
    """

    def connect_to_write() -> sqlite3.Connection:
        connection = connect(path, busy_timeout_s=busy_timeout_s)
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    engine = create_engine("sqlite://", creator=connect_to_write, poolclass=QueuePool, pool_size=1, max_overflow=0)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def reading_engine(path: str | Path, connections: int) -> Engine:
    """Give an engine whose transactions see one state of the database and cannot change it."""

    def connect_to_read() -> sqlite3.Connection:
        connection = connect(path)
        connection.execute("PRAGMA query_only = ON")
        return connection

    engine = create_engine(
        "sqlite://", creator=connect_to_read, poolclass=QueuePool, pool_size=connections, max_overflow=0
    )
    event.listen(engine, "begin", _begin)
    return engine


def move_log(engine: Engine) -> None:
    """Move what can be moved of the write-ahead log into the file, and give the room back that the log took.

    Nothing is wrong when that is not all of it: readers may need it, and the file may have no room to grow.

    Raises:
        DBAPIError: the file cannot be asked.
    """
    with engine.connect() as connection:
        # Beside SQLAlchemy, which would begin a transaction.
        connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # type: ignore[union-attr] # sqlite3's own


def migrating_engine(path: str | Path) -> Engine:
    """Give an engine for changing tables; a file it opens keeps a write-ahead log from then on.

    References are not enforced on it, because a table that is copied is away for a moment: check them at the end.
    """

    def connect_to_migrate() -> sqlite3.Connection:
        connection = connect(path)
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise sqlite3.OperationalError(f"the file system of {path} cannot share a write-ahead log")
        connection.execute("PRAGMA foreign_keys = OFF")
        return connection

    engine = create_engine("sqlite://", creator=connect_to_migrate, poolclass=QueuePool)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def translated(error: BaseException) -> Unavailable | None:
    """Give what a driver's error means to a caller, None when it is no matter of the database's health."""
    cause: BaseException | None = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, sqlite3.Error):
        return None
    extended = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_OK)
    code, words = extended & _PRIMARY_CODE, f"{cause} ({getattr(cause, 'sqlite_errorname', 'SQLite')})"
    if code in _BUSY:
        return DatabaseBusy(words)
    # The memory that processes share is a file too.
    if code == sqlite3.SQLITE_FULL or extended == sqlite3.SQLITE_IOERR_SHMSIZE:
        return StorageFull(words)
    return DatabaseUnavailable(words) if code in _UNAVAILABLE else None


def raise_meaning(error: Exception) -> NoReturn:
    """Raise what a driver's error means to a caller, or the error itself."""
    meaning = translated(error)
    if meaning is None:
        raise error
    raise meaning from error


def _begin_immediate(connection: Connection) -> None:
    # Taking the lock at the first write instead could fail in the middle, where waiting cannot help any more.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
