"""A connection that is written to past the transport's buffer, into which every byte would be copied."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from aiohttp import web

from registry.http.progress import untaken_by_client, untaken_by_peer, while_taken


class DirectConnection:
    """The connection of one request, as a descriptor of its own; not for encrypted ones."""

    def __init__(self, request: web.BaseRequest, *, stall_s: float) -> None:
        """Drop a client that takes nothing for `stall_s` seconds."""
        transport = request.transport
        connection = transport.get_extra_info("socket") if transport is not None else None
        if transport is None or connection is None:
            raise ConnectionResetError("the connection is lost")
        self._request, self._transport, self._stall_s = request, transport, stall_s
        # A cancelled request closes the connection while its descriptor may still be in use, and the number would then
        # be somebody else's. The loop's watch on the connection is not disturbed either.
        self.descriptor = os.dup(connection.fileno())

    async def flush(self) -> None:
        """Wait until what was written to the transport has left: what is written here comes after it."""
        if self._transport.get_write_buffer_size() == 0:
            return
        low, high = self._transport.get_write_buffer_limits()
        # From now on, a drain ends when nothing is left.
        self._transport.set_write_buffer_limits(high=0)
        try:
            await while_taken(self._request.writer.drain(), lambda: untaken_by_client(self._request), self._stall_s)
        finally:
            self._transport.set_write_buffer_limits(high=high, low=low)

    async def writable(self) -> None:
        """Wait until the socket takes more.

        Raises:
            TimeoutError: the client takes nothing.
        """
        await while_taken(self._until_writable(), lambda: untaken_by_peer(self.descriptor), self._stall_s)

    async def send(self, steps: AsyncGenerator[int, None], sent: Callable[[int], None]) -> None:
        """Go through the `steps` of `BlobReader.send` as the socket takes more; `sent` is told of the bytes of each.

        Raises:
            TimeoutError: the client takes nothing.
        """
        async with aclosing(steps):
            async for count in steps:
                if count:
                    sent(count)
                else:
                    await self.writable()

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)

    async def _until_writable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_writer(self.descriptor, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_writer(self.descriptor)
