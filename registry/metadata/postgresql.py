"""The metadata database of several nodes: PostgreSQL over asyncpg."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from registry.errors import DatabaseUnavailable
from registry.metadata import revision
from registry.metadata.database import Database, write_nothing
from registry.metadata.lookups import Lookups
from registry.metadata.postgresql_engine import engine_of
from registry.metadata.postgresql_errors import Lost, is_collision, is_lost, once_more_if_lost, raise_meaning
from registry.metadata.postgresql_rows import PreparedRows
from registry.metadata.statements import READ_ONLY_OPTION
from registry.metadata.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from registry.metadata.connecting import Connecting


P = ParamSpec("P")
T = TypeVar("T")

_ATTEMPTS = 8
_FIRST_PAUSE_S = 0.01


class PostgresDatabase(Database):
    """The metadata in a PostgreSQL database; opened by `open_database`, on the event loop that uses it."""

    def __init__(self, url: str, connecting: Connecting) -> None:
        """Prepare to talk to the database at `url`; nothing is sent before the first question."""
        engine = engine_of(url, connecting)
        self._engine = engine
        self._reading = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True, **{READ_ONLY_OPTION: True}
        )
        self._rows = PreparedRows(url, connecting)
        self._closed = False
        self.lookups = Lookups(self._rows.fetch, engine.dialect)

    async def write(self, unit: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        def run(connection: Connection) -> T:
            transaction = Transaction(connection)
            result = unit(transaction, *args, **kwargs)
            transaction.audit.seal()
            return result

        for attempt in range(1, _ATTEMPTS):
            try:
                return await once_more_if_lost(lambda: self._write_once(run))
            except _Collided:
                # Each waits for another while, so that those that collided do not meet again.
                await asyncio.sleep(random.uniform(0, _FIRST_PAUSE_S * 2**attempt))  # noqa: S311 -- nothing secret
        try:
            return await once_more_if_lost(lambda: self._write_once(run))
        except _Collided as last:
            raise_meaning(last.error)

    async def read(self, unit: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._read(lambda connection: unit(Transaction(connection), *args, **kwargs))

    async def revision(self) -> str | None:
        return await self._read(revision.current)

    async def ping(self) -> None:
        await self.write(write_nothing)
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
            if is_collision(error):
                raise _Collided(error) from error
            # Broken off in the middle of a commit, nobody knows whether it happened: that one is not run again.
            if is_lost(error) and not committing:
                await self._engine.dispose()
                raise Lost(error) from error
            raise_meaning(error)
        return result

    async def _read(self, question: Callable[[Connection], T]) -> T:
        return await once_more_if_lost(lambda: self._read_once(question))

    async def _read_once(self, question: Callable[[Connection], T]) -> T:
        self._require_open()
        try:
            async with self._reading.connect() as connection, connection.begin():
                return await connection.run_sync(question)
        except Exception as error:
            if is_lost(error):
                await self._engine.dispose()
                raise Lost(error) from error
            raise_meaning(error)

    def _require_open(self) -> None:
        # The pool would open again without a word.
        if self._closed:
            raise DatabaseUnavailable("the database is closed")


class _Collided(Exception):
    """A transaction failed only because of another one: its unit is to be run again."""

    def __init__(self, error: Exception) -> None:
        self.error = error
