"""Few rows from PostgreSQL, by statements that each connection prepares once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg

from registry.errors import DatabaseBusy, DatabaseUnavailable
from registry.metadata import revision
from registry.metadata.connecting import AS_IT_COMES, Connecting
from registry.metadata.postgresql_errors import Lost, is_lost, once_more_if_lost, raise_meaning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.metadata.hot_statements import HotStatement

_WAIT_S = 10


async def connect(url: str, connecting: Connecting = AS_IT_COMES) -> Any:
    """Open a connection of asyncpg, which reads the URL as libpq does: hosts, sockets, TLS."""
    return await asyncpg.connect(url, **connecting.arguments)


class PreparedRows:
    """A few connections for lookups alone; they change nothing on them, so each is used again as it is.

    The driver's own pool makes a task and a round trip of each giving back: three times the cost of a lookup.
    """

    def __init__(self, url: str, connecting: Connecting) -> None:
        """Prepare to connect to `url`; nothing is sent before the first question."""
        self._url, self._connecting = url, connecting
        self._kept, most = connecting.for_lookups
        self._idle: list[Any] = []
        self._free = asyncio.Semaphore(most)
        self._closed = False

    async def fetch(self, statement: HotStatement, values: dict[str, Any]) -> Sequence[Sequence[Any]]:
        """Give all rows that `statement` finds."""
        arguments = statement.arguments(values)
        rows: Sequence[Any] = await once_more_if_lost(lambda: self._fetch_once(statement.text, arguments))
        return rows

    async def ping(self) -> None:
        """Return when the database answered, and is at a revision that this program serves.

        Raises:
            SchemaMismatch: it is not, any more.
        """
        ((found,),) = await once_more_if_lost(lambda: self._fetch_once(revision.QUERY, ()))
        if not revision.is_served(found):
            raise revision.SchemaMismatch(found)

    async def close(self) -> None:
        """Give up the connections; those in use when their question is answered. May be repeated."""
        self._closed = True
        self._drop_idle()
        # The loop itself closes their sockets, in its next round.
        await asyncio.sleep(0)

    async def _fetch_once(self, text: str, arguments: tuple[Any, ...]) -> Any:
        if self._closed:
            raise DatabaseUnavailable("the database is closed")
        await self._take_turn()
        try:
            return await self._ask(text, arguments)
        except Exception as error:
            if is_lost(error):
                # Those that wait here were made before it, to the same server.
                self._drop_idle()
                raise Lost(error) from error
            raise_meaning(error)
        finally:
            self._free.release()

    async def _take_turn(self) -> None:
        if not self._free.locked():
            await self._free.acquire()
            return
        try:
            async with asyncio.timeout(_WAIT_S):
                await self._free.acquire()
        except TimeoutError as error:
            raise DatabaseBusy("no connection was free in time") from error

    async def _ask(self, text: str, arguments: tuple[Any, ...]) -> Any:
        connection = self._idle.pop() if self._idle else await connect(self._url, self._connecting)
        answered = False
        try:
            if self._connecting.through_pgbouncer:
                rows = await self._fetch_in_a_transaction(connection, text, arguments)
            else:
                rows = await connection.fetch(text, *arguments)
            answered = True
        finally:
            # One that was left in the middle of an answer may still get that of another question.
            if answered and not self._closed and len(self._idle) < self._kept:
                self._idle.append(connection)
            else:
                connection.terminate()
        return rows

    async def _fetch_in_a_transaction(self, connection: Any, text: str, arguments: tuple[Any, ...]) -> Any:
        # The driver prepares and then runs. Without a transaction, two servers might each be asked one half of that.
        await connection.execute("; ".join(("BEGIN READ ONLY", *self._connecting.first_statements)))
        rows = await connection.fetch(text, *arguments)
        await connection.execute("COMMIT")
        return rows

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().terminate()
