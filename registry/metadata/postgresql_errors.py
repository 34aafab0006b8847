"""What PostgreSQL's errors mean to this program, through SQLAlchemy or from asyncpg itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, TypeVar

import asyncpg
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from registry.errors import DatabaseBusy, DatabaseUnavailable, StorageFull

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from registry.errors import Unavailable

T = TypeVar("T")

_DISK_FULL = "53100"
_BUSY = frozenset({"40001", "40P01", "55P03", "57014"})
# Rows met rows of another transaction: run again, a unit sees those and decides by them.
_COLLISIONS = frozenset({"40001", "40P01", "23503", "23505"})
_IN_THE_WAY = frozenset({"40001", "40P01", "55P03"})
# Whole classes: connection, authorization, catalog name, resources, operator intervention, system, corruption.
_UNAVAILABLE_CLASSES = ("08", "28", "3D", "53", "57", "58", "XX")
# The driver is in the wrong state when it is used between a server's last words and the end of the connection.
_LOST = (
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.InterfaceError,
    asyncpg.AdminShutdownError,
    asyncpg.InternalClientError,
)
_LOST_IN_SQLALCHEMY = (
    AsyncAdapt_asyncpg_dbapi.InvalidCachedStatementError,
    AsyncAdapt_asyncpg_dbapi.InternalClientError,
)
# A server that only follows another one takes no writes.
_READ_ONLY = "25006"
_NO_RIGHT = "42501"


def translated(error: BaseException) -> Unavailable | None:
    """Give what an error means to a caller, None when it is no matter of the database's health."""
    state, driver_error = _sqlstate(error), _driver_error(error)
    if state is not None:
        return _translated_state(state, f"{driver_error.__cause__ or driver_error} ({state})")
    if isinstance(driver_error, PoolTimeout | TimeoutError):
        return DatabaseBusy(str(driver_error) or "the database did not answer in time")
    if isinstance(driver_error, OSError):
        return DatabaseUnavailable(f"cannot connect to PostgreSQL: {driver_error}")
    if is_lost(error):
        return DatabaseUnavailable(f"the connection to PostgreSQL broke: {driver_error}")
    return None


def is_collision(error: BaseException) -> bool:
    """Say whether a transaction failed only because of another one, and undid itself."""
    return _sqlstate(error) in _COLLISIONS


def is_in_the_way(error: BaseException) -> bool:
    """Say whether a migration failed only because of those who work on the same tables."""
    return _sqlstate(error) in _IN_THE_WAY


def is_lost(error: BaseException) -> bool:
    """Say whether a connection that had been good broke, or what it had prepared has become outdated by a migration."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error.orig, _LOST_IN_SQLALCHEMY)
    return isinstance(error, _LOST)


class Lost(Exception):
    """A connection broke before anything was done: the server went away since it was last used, or just now."""

    def __init__(self, error: Exception) -> None:
        self.error = error


async def once_more_if_lost(attempt: Callable[[], Awaitable[T]]) -> T:
    """Await `attempt()`, and if that raised `Lost`, once more.

    After a restart of the server every connection that was kept is broken; the first to notice takes all away.

    Raises:
        DatabaseUnavailable: it was lost again.
    """
    try:
        return await attempt()
    except Lost:
        try:
            return await attempt()
        except Lost as again:
            raise_meaning(again.error)


def raise_meaning(error: Exception) -> NoReturn:
    """Raise what `error` means to a caller, or the error itself."""
    meaning = translated(error)
    if meaning is None:
        raise error
    raise meaning from error


def _translated_state(state: str, words: str) -> Unavailable | None:
    if state == _DISK_FULL:
        return StorageFull(words)
    if state in _BUSY:
        return DatabaseBusy(words)
    if state.startswith(_UNAVAILABLE_CLASSES) or state in (_READ_ONLY, _NO_RIGHT):
        return DatabaseUnavailable(words)
    return None


def _sqlstate(error: BaseException) -> str | None:
    state = getattr(_driver_error(error), "sqlstate", None)
    return state if isinstance(state, str) else None


def _driver_error(error: BaseException) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
