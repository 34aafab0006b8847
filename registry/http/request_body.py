"""The body of a request, read as it comes: bounded in memory, counted, and given up when it stalls."""

from __future__ import annotations

import asyncio
from typing import Final, Self

from aiohttp import web

from registry.errors import BodyIncomplete, RegistryError
from registry.http.connection import Connection
from registry.http.direct_body import DirectBody
from registry.http.traffic import Traffic
from storage_backends.filling import FillingChunks

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_PIECE_BYTES: Final = 64 * 1024


class RequestBody(FillingChunks):
    """The chunks of a body, each as large as what the connection had to give.

    An async iterator, to be used once; or, for a large body over plain HTTP, what fills a buffer. What is held in
    memory is the connection's read buffer and one chunk. A client that waits for `100 Continue` gets it at the first
    read: one that is refused before keeps its bytes to itself.
    """

    def __init__(self, request: web.BaseRequest, stall_s: float, traffic: Traffic) -> None:
        """Read the body of `request`, waiting at most `stall_s` seconds for each chunk; `traffic` counts them."""
        self._request = request
        self._stall_s = stall_s
        self._traffic = traffic
        self._direct: DirectBody | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """The next chunk.

        Raises:
            BodyIncomplete: the client went away, sent nothing for too long, or broke the framing of its chunks.
        """
        connection = self._request.protocol
        if isinstance(connection, Connection):
            if connection.reads_directly(self._request.content):
                return await self._next_piece()
            connection.by_aiohttp()
        if self._traffic.awaits_continue:
            self._invite()
        try:
            async with asyncio.timeout(self._stall_s):
                chunk = await self._request.content.readany()
        # A broken connection leaves various errors behind: the socket's own, a timeout (both OSError), or aiohttp's
        # RuntimeError once the connection is gone.
        except (web.RequestPayloadError, OSError, RuntimeError) as error:
            raise BodyIncomplete from error
        if not chunk:
            self._require_end()
            raise StopAsyncIteration
        self._traffic.received += len(chunk)
        return chunk

    def can_fill(self) -> bool:
        """Whether the body is read directly from here on: a large one, over plain HTTP."""
        connection = self._request.protocol
        if isinstance(connection, Connection):
            self._direct = connection.directly(self._request.content)
        return self._direct is not None

    async def ready(self) -> bool:
        """Wait for more of the body, False at its end.

        Raises:
            BodyIncomplete: as an iteration.
        """
        direct = self._direct
        assert direct is not None, "it can fill"
        if self._traffic.awaits_continue:
            self._invite()
        try:
            async with asyncio.timeout(self._stall_s):
                await direct.readable()
        except TimeoutError as error:
            raise BodyIncomplete from error
        if direct.broken:
            raise BodyIncomplete
        if not direct.ended:
            return True
        connection = self._request.protocol
        if isinstance(connection, Connection):
            connection.end_directly(direct)
        return False

    @property
    def ended(self) -> bool:
        """Whether all of it came; see `FillingChunks`."""
        return self._direct is not None and self._direct.ended and not self._direct.broken

    def fill(self, buffer: memoryview) -> int:
        """Put what came into `buffer`; see `FillingChunks`."""
        assert self._direct is not None, "it can fill"
        filled = self._direct.fill(buffer)
        self._traffic.received += filled
        return filled

    async def _next_piece(self) -> bytes:
        """A piece of a body that is read directly already: what was wanted of it ended before it did."""
        buffer = bytearray(_PIECE_BYTES)
        self.can_fill()
        while await self.ready():
            if filled := self.fill(memoryview(buffer)):
                return bytes(buffer[:filled])
        raise StopAsyncIteration

    def _require_end(self) -> None:
        connection = self._request.protocol
        if isinstance(connection, Connection) and connection.short_body is self._request.content:
            raise BodyIncomplete

    def _invite(self) -> None:
        self._traffic.awaits_continue = False
        transport = self._request.transport
        if transport is not None:
            # Beside aiohttp's writer, which would take these bytes for the beginning of the answer.
            transport.write(_CONTINUE)


async def read_whole(body: RequestBody, limit: int, refusal: RegistryError) -> bytes:
    """The whole body, of at most `limit` bytes.

    Raises:
        RegistryError: it has more, which is `refusal`; the rest is left unread.
        BodyIncomplete: it ended early.
    """
    chunks: list[bytes] = []
    received = 0
    async for chunk in body:
        received += len(chunk)
        if received > limit:
            raise refusal
        chunks.append(chunk)
    return b"".join(chunks)
