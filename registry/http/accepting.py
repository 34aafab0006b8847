"""Taking connections from listening sockets, never more than a process has descriptors for.

A process without descriptors can open no file either, and asyncio's own way of accepting then writes a thousand
tracebacks a second. So there is a bound. At it, the connections that have rested the longest make room, as HTTP lets
any side end those (RFC 9112, "Persistence"); where none rests, new ones wait in the kernel until another ends.
"""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
import ssl
from collections.abc import Sequence
from typing import Final, Protocol

from registry import limits
from registry.observability.logging import logger
from registry.observability.recurring import RecurringFaults

_log = logger(__name__)

_BACKLOG: Final = 1024
# Taken at once, before others get their turn.
_TURN: Final = 64
_PAUSE_S: Final = 0.05
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Connections(Protocol):
    """The connections of a process, and what makes one."""

    def __call__(self) -> asyncio.Protocol:
        """Give the protocol of a new connection."""

    def count(self) -> int:
        """How many there are."""

    def end_resting(self, count: int) -> None:
        """End up to so many of those that have rested for a while, first those that have the longest."""


class Acceptor:
    """Takes the connections of `sockets`, over TLS where there is a context; belongs to one event loop."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        connections: Connections,
        tls: ssl.SSLContext | None,
        *,
        handshake_s: float,
    ) -> None:
        """Listen; a TLS handshake may take `handshake_s` seconds."""
        self._loop = asyncio.get_running_loop()
        self._sockets = sockets
        self._connections = connections
        self._tls = tls
        self._handshake_s = handshake_s if tls is not None else None
        self._most = _most_connections()
        self._beginning: set[asyncio.Task[None]] = set()
        self._faults = RecurringFaults(_log)
        self._pause: asyncio.TimerHandle | None = None
        for listener in sockets:
            listener.listen(_BACKLOG)
        self._resume()

    async def stop(self) -> None:
        """Take no more; those that were just taken are the protocol's when this returns, unless they shake hands."""
        self._suspend()
        if self._beginning:
            await asyncio.wait(self._beginning, timeout=_PAUSE_S)
        for listener in self._sockets:
            listener.close()

    async def close(self) -> None:
        """Stop, and give up those that shake hands."""
        await self.stop()
        for task in self._beginning:
            task.cancel()
        if self._beginning:
            await asyncio.wait(self._beginning)

    def _resume(self) -> None:
        self._pause = None
        for listener in self._sockets:
            self._loop.add_reader(listener, self._accept, listener)

    def _suspend(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        for listener in self._sockets:
            if listener.fileno() >= 0:
                self._loop.remove_reader(listener)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_TURN):
            if self._connections.count() + len(self._beginning) >= self._most:
                self._make_room(
                    OSError(errno.EMFILE, f"there are {self._most} connections, as many as RLIMIT_NOFILE allows for")
                )
                return
            try:
                connection, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                self._make_room(error)
                return
            connection.setblocking(False)
            task = self._loop.create_task(self._begin(connection))
            self._beginning.add(task)
            task.add_done_callback(self._beginning.discard)

    async def _begin(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                self._connections, connection, ssl=self._tls, ssl_handshake_timeout=self._handshake_s
            )
        except OSError as error:
            # Broken off, or no TLS: whoever it is, it is not a request yet.
            _log.debug("a connection did not come about", error=repr(error))
            connection.close()

    def _make_room(self, error: OSError) -> None:
        self._faults.warn("new connections have to wait", error)
        self._connections.end_resting(_TURN)
        self._suspend()
        self._pause = self._loop.call_later(_PAUSE_S, self._resume)


def _most_connections() -> int:
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, (descriptors - limits.DESCRIPTORS_OF_A_WORKER) // limits.DESCRIPTORS_PER_CONNECTION)
