"""Serving an application on sockets, and the orderly end of that."""

from __future__ import annotations

import asyncio
import heapq
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from registry.config.schema import Limits
from registry.http.accepting import Acceptor
from registry.http.application import DISPATCHER, bounds_of_connections
from registry.http.connection import AnswersAtOnce, Connection
from registry.observability.logging import logger

_log = logger(__name__)

# What requests that outlived the grace period get to notice that they are cancelled.
_CANCEL_S: Final = 1.0
# What a connection may rest before it has to make room for another.
_REST_S: Final = 1.0


class Server(web.Server):
    """Makes an application's connections."""

    def __init__(self, made: web.Server, header_s: float, at_once: AnswersAtOnce) -> None:
        """Serve what `made`, aiohttp's own server, would serve; the rest is each `Connection`'s to know."""
        super().__init__(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **made._kwargs,
        )
        self._header_s = header_s
        self._at_once = at_once

    def __call__(self) -> Connection:
        return Connection(self, header_s=self._header_s, at_once=self._at_once, loop=self._loop, **self._kwargs)

    def use(self, limits: Limits) -> None:
        """Make the connections to come with these bounds; those that there are keep theirs."""
        self._header_s = limits.header_s
        self._kwargs = {**self._kwargs, **bounds_of_connections(limits)}

    def count(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    def end_resting(self, count: int) -> None:
        """End up to so many connections that wait for a request, first those that have waited the longest."""
        # The request of one that is younger may be on its way.
        before = self._loop.time() - _REST_S
        resting = [
            connection
            for connection in self._connections
            if isinstance(connection, Connection) and connection.heard_at < before and connection.is_resting()
        ]
        for connection in heapq.nsmallest(count, resting, key=lambda each: each.heard_at):
            connection.force_close()

    def pre_shutdown(self) -> None:
        """Close the connections that rest, and the others once they have answered what they are at."""
        for connection in self.connections:
            if isinstance(connection, Connection):
                connection.finish()


class Runner(web.AppRunner):
    """Runs an application with the registry's own connections."""

    def __init__(self, application: web.Application, header_s: float) -> None:
        super().__init__(application, shutdown_timeout=_CANCEL_S)
        self._header_s = header_s

    async def _make_server(self) -> Server:
        return Server(await super()._make_server(), self._header_s, self.app[DISPATCHER])


class Listener:
    """An application that is being served."""

    def __init__(self, runner: Runner, acceptor: Acceptor) -> None:
        self._runner, self._acceptor = runner, acceptor

    def use(self, limits: Limits) -> None:
        """Hold the connections to come to these bounds."""
        if isinstance(self._runner.server, Server):
            self._runner.server.use(limits)

    async def stop(self, grace_s: float) -> None:
        """Accept no more, close idle connections, and return when no request is in flight, or after `grace_s`."""
        await self._acceptor.stop()
        if self._runner.server is not None:
            self._runner.server.pre_shutdown()
        try:
            async with asyncio.timeout(grace_s):
                await self._runner.app[DISPATCHER].idle()
        except TimeoutError:
            _log.warning("requests are cut off at the end of the grace period", grace_period_s=grace_s)


@asynccontextmanager
async def listening(
    application: web.Application, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None, limits: Limits
) -> AsyncIterator[Listener]:
    """Serve `application` on `sockets`, and close them, until the block ends; that cuts off what is in flight.

    `Listener.stop` at the block's end lets it finish first.
    """
    runner = Runner(application, limits.header_s)
    await runner.setup()
    try:
        server = runner.server
        assert isinstance(server, Server), "set up above"
        acceptor = Acceptor(sockets, server, tls, handshake_s=limits.header_s)
        try:
            yield Listener(runner, acceptor)
        finally:
            await acceptor.close()
    finally:
        await runner.cleanup()
