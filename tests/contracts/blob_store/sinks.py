"""Where a store sends what is asked of it: the sockets of clients."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

from storage_backends.contract import BlobReader

_BUFFER_BYTES = 64 << 10


@contextmanager
def sink() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client's socket as a server has it, and the client's own; the kernel takes little that is not read."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        client.connect(listener.getsockname())
        client.setblocking(False)
        with listener.accept()[0] as target:
            target.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
            target.setblocking(False)
            yield target, client


async def sent(reader: BlobReader, start: int, stop: int) -> bytes:
    """What arrives of these bytes at a client who reads all the time, as much as was told."""
    with sink() as (target, client):
        told, content = await arriving(reader.send(start, stop, target.fileno()), target, client)
    assert told == len(content)
    return content


async def arriving(steps: AsyncGenerator[int, None], target: socket.socket, client: socket.socket) -> tuple[int, bytes]:
    """Go through with `steps`, and end the connection: what they tell, and what the client has then."""
    receiving = asyncio.ensure_future(_received(client))
    told = await gone_through(steps, target)
    target.shutdown(socket.SHUT_WR)
    return told, await receiving


async def gone_through(steps: AsyncGenerator[int, None], target: socket.socket) -> int:
    """What `steps` tell until their end, each taken when `target` takes more."""
    told = 0
    async for count in steps:
        told += count
        if count == 0:
            await _writable(target)
    return told


async def until_full(steps: AsyncGenerator[int, None]) -> int:
    """What `steps` tell until their target takes no more."""
    told = 0
    while count := await anext(steps):
        told += count
    return told


async def _received(client: socket.socket) -> bytes:
    content = bytearray()
    while block := await asyncio.get_running_loop().sock_recv(client, 1 << 20):
        content += block
    return bytes(content)


async def _writable(target: socket.socket) -> None:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(target, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(target)
