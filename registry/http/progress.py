"""Telling a client that is slow, which is served, from one that takes nothing, which is dropped."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios
from collections.abc import Awaitable, Callable

from aiohttp import web


async def while_taken(writing: Awaitable[None], untaken: Callable[[], int], stall_s: float) -> None:
    """Wait for `writing`, as long as `untaken`, the bytes that the client has not taken yet, goes on changing.

    Raises:
        TimeoutError: nothing was taken for `stall_s` seconds; `writing` is cancelled.
    """
    task = asyncio.ensure_future(writing)
    try:
        before = untaken()
        while not (await asyncio.wait({task}, timeout=stall_s))[0]:
            now = untaken()
            if now == before:
                raise TimeoutError
            before = now
    finally:
        if not task.done():
            task.cancel()
            # What it holds on to must be free before the caller takes it away.
            await asyncio.wait({task})
    await task


def untaken_by_peer(descriptor: int) -> int:
    """How many bytes the kernel holds that the peer of the TCP connection `descriptor` has not acknowledged."""
    count: int = struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)))[0]
    return count


def untaken_by_client(request: web.BaseRequest) -> int:
    """The same for a request's connection, with what waits in this process; 0 once the connection is lost."""
    transport = request.transport
    connection = transport.get_extra_info("socket") if transport is not None else None
    if transport is None or connection is None or connection.fileno() < 0:
        return 0
    return transport.get_write_buffer_size() + untaken_by_peer(connection.fileno())
