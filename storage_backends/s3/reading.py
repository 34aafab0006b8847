"""A blob of a bucket, read block by block, over as many connections as it takes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError

from storage_backends.contract import BlobReader
from storage_backends.errors import BlobNotFound, StorageUnavailable
from storage_backends.s3._blocking.objects import Objects, Opened
from storage_backends.s3.faults import translated
from storage_backends.s3.memory import LARGE_BLOCK
from storage_backends.threads import BlockingPool, ended, settled

# As many bytes a hop as memory is used again for, Python's own few included: with fresh pages for each block a download
# costs twice as much.
_BLOCK_SIZE = LARGE_BLOCK - (4 << 10)
# Bodies that break in a row, without a byte in between, before it is given up.
_ATTEMPTS = 5
_PAUSE_S = 0.1


class BodyEnded(Exception):
    """A body has fewer bytes than its headers said."""


async def open_reader(objects: Objects, pool: BlockingPool, key: str, name: str) -> S3BlobReader:
    """The blob `key`, which is the object `name`.

    Raises:
        BlobNotFound: there is none.
    """
    with translated(absent=BlobNotFound(key)):
        opened = await pool.run(objects.open, name)
    return S3BlobReader(objects, pool, name, opened)


class S3BlobReader(BlobReader):
    """An object, and the connection over which it comes.

    The connection that opened it is the one that a whole read uses: the object may be deleted meanwhile. No thread
    waits for a client: one is taken for each block.
    """

    def __init__(self, objects: Objects, pool: BlockingPool, name: str, opened: Opened) -> None:
        self._objects = objects
        self._pool = pool
        self._name = name
        self._opened = opened
        self._body: Any = opened.body
        self._position = 0
        self._next: asyncio.Future[bytes] | None = None

    @property
    def size(self) -> int:
        return self._opened.size

    def fileno(self) -> None:
        return None

    async def chunks(self, start: int, stop: int) -> AsyncIterator[bytes]:
        if not 0 <= start <= stop <= self.size:
            raise ValueError(f"bytes {start} to {stop} of {self.size}")
        if self._next is not None:
            # An iteration before this one was given up, and had begun to read on to its own end.
            await self.close()
        failures = 0
        while start < stop:
            if self._body is None or self._position != start:
                await self._reopen(start, stop)
            reading, self._next = self._next or self._begin(start, stop), None
            # Nobody knows it while bytes are read, nor after a cancellation.
            self._position = -1
            try:
                block = await settled(reading)
            except (BotoCoreError, OSError, BodyEnded) as error:
                failures += 1
                await self.close()
                if failures == _ATTEMPTS:
                    raise StorageUnavailable(error) from error
                await asyncio.sleep(random.uniform(0, _PAUSE_S * 2**failures))  # noqa: S311 - it hides nothing
                continue
            failures = 0
            start += len(block)
            self._position = start
            # The next block comes while this one goes.
            self._next = self._begin(start, stop) if start < stop else None
            yield block

    async def close(self) -> None:
        reading, self._next = self._next, None
        if reading is not None:
            # A thread works on the body.
            await ended(reading)
        body, self._body = self._body, None
        if body is not None:
            # What is left of the body is not waited for: this ends its connection.
            with suppress(BotoCoreError, OSError):
                await self._pool.run(body.close)

    def _begin(self, start: int, stop: int) -> asyncio.Future[bytes]:
        return self._pool.start(_read, self._body, min(_BLOCK_SIZE, stop - start))

    async def _reopen(self, start: int, stop: int) -> None:
        await self.close()
        with translated():
            self._body = await self._pool.run(self._objects.open_range, self._name, start, stop, self._opened.tag)
        self._position = start


def _read(body: Any, size: int) -> bytes:
    block: bytes = body.read(size)
    if not block:
        raise BodyEnded(size)
    return block
