"""The metadata database of several nodes: PostgreSQL over asyncpg."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, Concatenate, NoReturn, ParamSpec, TypeVar

import asyncpg
from sqlalchemy.ext.asyncio import create_async_engine

from registry.errors import DatabaseUnavailable
from registry.metadata import postgresql_errors, revision
from registry.metadata.database import Database
from registry.metadata.lookups import Lookups
from registry.metadata.statements import READ_ONLY_OPTION
from registry.metadata.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sqlalchemy import Connection

    from registry.metadata.hot_statements import HotStatement

P = ParamSpec("P")
T = TypeVar("T")

# Connections of one worker process; PostgreSQL takes 100 unless told otherwise, and every node has several workers.
_TRANSACTION_CONNECTIONS = 8
_LOOKUP_CONNECTIONS = 4

_CONNECTION_WAIT_S = 10
_CONNECT_TIMEOUT_S = 5
_COMMAND_TIMEOUT_S = 15
_ATTEMPTS = 8
_FIRST_PAUSE_S = 0.01


async def connect(url: str) -> Any:
    """Open a connection of asyncpg, which reads the URL as libpq does: hosts, sockets, TLS."""
    return await asyncpg.connect(url, **_CONNECTION)


class PostgresDatabase(Database):
    """The metadata in a PostgreSQL database; opened by `open_database`, on the event loop that uses it."""

    def __init__(self, url: str) -> None:
        """Prepare to talk to the database at `url`; nothing is sent before the first question."""
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=lambda: connect(url),
            pool_size=_TRANSACTION_CONNECTIONS,
            max_overflow=0,
            pool_timeout=_CONNECTION_WAIT_S,
        )
        self._engine = engine
        self._reading = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True, **{READ_ONLY_OPTION: True}
        )
        self._rows = _PreparedRows(url)
        self._closed = False
        self.lookups = Lookups(self._rows.fetch, engine.dialect)

    async def write(self, unit: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        def run(connection: Connection) -> T:
            return unit(Transaction(connection), *args, **kwargs)

        for attempt in range(1, _ATTEMPTS):
            try:
                return await _once_more_if_lost(lambda: self._write_once(run))
            except _Collided:
                # Each waits for another while, so that those that collided do not meet again.
                await asyncio.sleep(random.uniform(0, _FIRST_PAUSE_S * 2**attempt))  # noqa: S311 -- nothing secret
        try:
            return await _once_more_if_lost(lambda: self._write_once(run))
        except _Collided as last:
            _raise_meaning(last.error)

    async def read(self, unit: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._read(lambda connection: unit(Transaction(connection), *args, **kwargs))

    async def revision(self) -> str | None:
        return await self._read(revision.current)

    async def ping(self) -> None:
        await self.read(_nothing)
        await self._rows.ping()

    async def close(self) -> None:
        self._closed = True
        await self._rows.close()
        await self._engine.dispose()

    async def _write_once(self, run: Callable[[Connection], T]) -> T:
        self._require_open()
        committing = False
        try:
            async with self._engine.connect() as connection, connection.begin():
                result = await connection.run_sync(run)
                committing = True
        except Exception as error:
            if postgresql_errors.is_collision(error):
                raise _Collided(error) from error
            # Broken off in the middle of a commit, nobody knows whether it happened: that one is not run again.
            if postgresql_errors.is_lost(error) and not committing:
                raise _Lost(error) from error
            _raise_meaning(error)
        return result

    async def _read(self, question: Callable[[Connection], T]) -> T:
        return await _once_more_if_lost(lambda: self._read_once(question))

    async def _read_once(self, question: Callable[[Connection], T]) -> T:
        self._require_open()
        try:
            async with self._reading.connect() as connection, connection.begin():
                return await connection.run_sync(question)
        except Exception as error:
            if postgresql_errors.is_lost(error):
                raise _Lost(error) from error
            _raise_meaning(error)

    def _require_open(self) -> None:
        # The pool would open again without a word.
        if self._closed:
            raise DatabaseUnavailable("the database is closed")


class _PreparedRows:
    """Single rows, by statements that each connection prepares once."""

    def __init__(self, url: str) -> None:
        """Prepare to connect to `url`."""
        self._pool = asyncpg.create_pool(
            url, min_size=0, max_size=_LOOKUP_CONNECTIONS, reset=_keep_as_it_is, **_CONNECTION
        )
        self._opening = asyncio.Lock()
        self._open = False

    async def fetch(self, statement: HotStatement, values: dict[str, Any]) -> Sequence[Any] | None:
        """Give the one row that `statement` finds, or None."""
        arguments = statement.arguments(values)
        row: Sequence[Any] | None = await _once_more_if_lost(lambda: self._fetch_once(statement.text, arguments))
        return row

    async def ping(self) -> None:
        """Return when the database answered."""
        await _once_more_if_lost(lambda: self._fetch_once("SELECT 1", ()))

    async def close(self) -> None:
        """Give up the connections."""
        if self._open:
            await self._pool.close()

    async def _fetch_once(self, text: str, arguments: tuple[Any, ...]) -> Any:
        try:
            if not self._open:
                await self._open_pool()
            async with self._pool.acquire(timeout=_CONNECTION_WAIT_S) as connection:
                return await connection.fetchrow(text, *arguments)
        except Exception as error:
            if postgresql_errors.is_lost(error):
                raise _Lost(error) from error
            _raise_meaning(error)

    async def _open_pool(self) -> None:
        async with self._opening:
            if not self._open:
                await self._pool
                self._open = True


class _Collided(Exception):
    """A transaction failed only because of another one: its unit is to be run again."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class _Lost(Exception):
    """A connection broke before anything was done: the server went away since it was last used, or just now."""

    def __init__(self, error: Exception) -> None:
        self.error = error


async def _once_more_if_lost(attempt: Callable[[], Awaitable[T]]) -> T:
    # After a restart of the server every pooled connection is broken; the first to notice takes all of them away.
    try:
        return await attempt()
    except _Lost:
        try:
            return await attempt()
        except _Lost as again:
            _raise_meaning(again.error)


def _raise_meaning(error: Exception) -> NoReturn:
    meaning = postgresql_errors.translated(error)
    if meaning is None:
        raise error
    raise meaning from error


async def _keep_as_it_is(connection: Any) -> None:
    """Leave a connection alone: a lookup changes no setting, and asking the server to reset doubles its time."""


def _nothing(transaction: Transaction) -> None:
    """Begin a transaction and end it."""


_CONNECTION: dict[str, Any] = {
    "timeout": _CONNECT_TIMEOUT_S,
    "command_timeout": _COMMAND_TIMEOUT_S,
    "server_settings": {"application_name": "moorage"},
}
