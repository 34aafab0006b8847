"""Requests to a registry that is killed meanwhile: each is answered whole, or it is not known what became of it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

_DEADLINE = aiohttp.ClientTimeout(total=60)
_KEPT = 8


class Interrupted(Exception):
    """The connection broke when the registry was killed: whether the request was served is not known."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer to a request that was sent at `sent` on the monotonic clock."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent: float

    @property
    def location(self) -> str:
        """Path and query of the `Location`."""
        parts = urlsplit(self.headers["Location"])
        return f"{parts.path}?{parts.query}" if parts.query else parts.path


class Web:
    """Requests that are counted by their kinds.

    Clients' requests are sent while the gate is open. `heard` is told the kind of each of them.
    """

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session, self._base = session, f"http://127.0.0.1:{port}"
        self._gate, self._idle = asyncio.Event(), asyncio.Event()
        self._in_flight, self._killed_at = 0, 0.0
        self.heard: Callable[[str], None] = lambda _: None
        self.answered: Counter[str] = Counter()
        self.interrupted: Counter[str] = Counter()

    def open_gate(self) -> None:
        """Let clients go on."""
        self._gate.set()

    def close_gate(self) -> None:
        """Let nothing more be sent; what is in flight goes on."""
        self._gate.clear()

    def about_to_kill(self) -> None:
        """Close the gate; what is in flight may break from now on."""
        self.close_gate()
        self._killed_at = time.monotonic()

    async def quiet(self) -> None:
        """Wait until every request of a client was answered or interrupted."""
        if self._in_flight:
            self._idle.clear()
            await self._idle.wait()

    async def turn(self) -> None:
        """Wait at the gate: a request that follows at once is sent at once."""
        # It may have been closed again since it was opened.
        while not self._gate.is_set():
            await self._gate.wait()

    async def ask(
        self, kind: str, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer to a client's request.

        Raises:
            Interrupted: there is none.
        """
        await self.turn()
        self.heard(kind)
        self._in_flight += 1
        sent = time.monotonic()
        try:
            answer = await self.look(method, path, body=body, headers=headers)
        except aiohttp.ClientError as error:
            if self._killed_at < sent:
                raise
            self.interrupted[kind] += 1
            raise Interrupted(kind) from error
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()
        self.answered[kind] += 1
        return answer

    async def look(
        self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer to one request, whether or not the gate is open."""
        url, sent = URL(self._base + path, encoded=True), time.monotonic()
        async with self._session.request(method, url, data=body, headers=headers, allow_redirects=False) as response:
            return Answer(response.status, response.headers, await response.read(), sent)


@asynccontextmanager
async def open_web(port: int) -> AsyncIterator[Web]:
    """Requests to the registry at `port` of this machine, whichever of its processes come and go.

    Each has a connection of its own, so that they spread over all workers.
    """
    async with _session(aiohttp.TCPConnector(force_close=True, limit=0)) as session:
        yield Web(session, port)


@asynccontextmanager
async def looking(port: int) -> AsyncIterator[Web]:
    """Requests to the registry at `port` while nobody is killed: many, on a few connections that are kept.

    To make a connection is half of what a small answer costs. There are enough of them to spread over all workers.
    """
    async with _session(aiohttp.TCPConnector(limit=_KEPT)) as session:
        yield Web(session, port)


@asynccontextmanager
async def _session(connector: aiohttp.TCPConnector) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=connector, timeout=_DEADLINE, auto_decompress=False) as session:
        # By itself it would repeat a PUT or DELETE whose connection broke, and what became of that is the question.
        session._retry_connection = False
        yield session
