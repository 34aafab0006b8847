"""What uploads are made of: bytes as networks deliver them, and clients that go away."""

import asyncio
from collections.abc import AsyncIterator

from storage_backends.filling import FillingChunks

MIB = 1 << 20


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    """What a network delivers: each part in its turn, with others' work in between."""
    for part in parts:
        await asyncio.sleep(0)
        yield part


async def interrupted(*parts: bytes, error: Exception) -> AsyncIterator[bytes]:
    """`parts`, and then a client that goes away."""
    async for part in chunks(*parts):
        yield part
    raise error


class Filling(FillingChunks):
    """`parts` for whoever iterates, or for a buffer; then the end, or a client that goes away with `error`."""

    def __init__(self, *parts: bytes, error: Exception | None = None, willing: bool = True) -> None:
        self._parts = list(parts)
        self._error = error
        self._willing = willing

    async def __anext__(self) -> bytes:
        if not await self.ready():
            raise StopAsyncIteration
        return self._parts.pop(0)

    def can_fill(self) -> bool:
        return self._willing

    async def ready(self) -> bool:
        await asyncio.sleep(0)
        if not self._parts and self._error is not None:
            raise self._error
        return bool(self._parts)

    @property
    def ended(self) -> bool:
        return not self._parts and self._error is None

    def fill(self, buffer: memoryview) -> int:
        if not self._parts:
            return 0
        part = self._parts.pop(0)
        size = min(len(part), len(buffer))
        buffer[:size] = part[:size]
        if part[size:]:
            self._parts.insert(0, part[size:])
        return size
