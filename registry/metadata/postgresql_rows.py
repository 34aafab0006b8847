"""Few rows from PostgreSQL, by statements that each connection prepares once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg

from registry.errors import DatabaseBusy, DatabaseUnavailable
from registry.metadata.postgresql_errors import Lost, is_lost, once_more_if_lost, raise_meaning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.metadata.hot_statements import HotStatement

_CONNECTIONS = 4
_WAIT_S = 10
_CONNECTION: dict[str, Any] = {
    "timeout": 5,
    "command_timeout": 15,
    "server_settings": {"application_name": "moorage"},
}


async def connect(url: str) -> Any:
    """Open a connection of asyncpg, which reads the URL as libpq does: hosts, sockets, TLS."""
    return await asyncpg.connect(url, **_CONNECTION)


class PreparedRows:
    """A few connections for lookups alone; they change nothing on them, so each is used again as it is.

    The driver's own pool makes a task and a round trip of each giving back: three times the cost of a lookup.
    """

    def __init__(self, url: str) -> None:
        """Prepare to connect to `url`; nothing is sent before the first question."""
        self._url = url
        self._idle: list[Any] = []
        self._free = asyncio.Semaphore(_CONNECTIONS)
        self._closed = False

    async def fetch(self, statement: HotStatement, values: dict[str, Any]) -> Sequence[Sequence[Any]]:
        """Give all rows that `statement` finds."""
        arguments = statement.arguments(values)
        rows: Sequence[Any] = await once_more_if_lost(lambda: self._fetch_once(statement.text, arguments))
        return rows

    async def ping(self) -> None:
        """Return when the database answered."""
        await once_more_if_lost(lambda: self._fetch_once("SELECT 1", ()))

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
        connection = self._idle.pop() if self._idle else await connect(self._url)
        answered = False
        try:
            rows = await connection.fetch(text, *arguments)
            answered = True
        finally:
            # One that was left in the middle of an answer may still get that of another question.
            if answered and not self._closed:
                self._idle.append(connection)
            else:
                connection.terminate()
        return rows

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().terminate()
