"""What stored bytes are, whatever they are said to be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from oci_spec.digest import Digest
from registry.services.context import Services
from storage_backends.hash_state import running_hash


async def digest_of(
    services: Services, key: str, algorithm: str, *, before_block: Callable[[int], Awaitable[None]] | None = None
) -> Digest:
    """Read all bytes under `key` and give their digest; `before_block` is awaited with the size of each block.

    Memory holds a block at a time, and the event loop is free meanwhile.

    Raises:
        StorageError: they cannot be read.
    """
    running = running_hash(algorithm)
    async with await services.store.open(key) as reader:
        async for block in reader.chunks(0, reader.size):
            if before_block is not None:
                await before_block(len(block))
            await asyncio.to_thread(running.update, block)
    return running.digest()
