"""A blob of a bucket, read or sent on as it comes, over as many connections as it takes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import closing, suppress
from typing import Any

from botocore.exceptions import BotoCoreError

from storage_backends.contract import BlobReader
from storage_backends.errors import BlobNotFound, StorageUnavailable
from storage_backends.s3._blocking.client import READ_S
from storage_backends.s3._blocking.objects import Objects, Opened
from storage_backends.s3._blocking.pipes import Pipes
from storage_backends.s3._blocking.plain_body import BodyBroken, plain
from storage_backends.s3._blocking.splicing import Pause, Splice
from storage_backends.s3.faults import translated
from storage_backends.s3.memory import LARGE_BLOCK
from storage_backends.threads import BlockingPool, ended, settled

# As many bytes a hop as memory is used again for, Python's own few included: with fresh pages for each block a download
# costs twice as much.
_BLOCK_SIZE = LARGE_BLOCK - (4 << 10)
# Less is one block, which costs no more than to set up a pipe.
_WORTH_A_PIPE = 1 << 20
# Bodies that break in a row, without a byte in between, before it is given up.
_ATTEMPTS = 5
_PAUSE_S = 0.1


async def open_reader(
    objects: Objects, pool: BlockingPool, key: str, name: str, *, pipes: Pipes | None = None
) -> S3BlobReader:
    """The blob `key`, which is the object `name`; what is sent of it may go by `pipes`.

    Raises:
        BlobNotFound: there is none.
    """
    with translated(absent=BlobNotFound(key)):
        opened = await pool.run(objects.open, name)
    return S3BlobReader(objects, pool, name, opened, pipes=pipes)


class S3BlobReader(BlobReader):
    """An object, and the connection over which it comes.

    The connection that opened it is the one that a whole read uses: the object may be deleted meanwhile. No thread
    waits for a client: one is taken for each block, or for as much as can be moved past this process there and then.
    """

    def __init__(
        self, objects: Objects, pool: BlockingPool, name: str, opened: Opened, *, pipes: Pipes | None = None
    ) -> None:
        self._objects = objects
        self._pool = pool
        self._pipes = pipes
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
        await self._begin(start, stop)
        failures = _Failures()
        while start < stop:
            await self._stand_at(start, stop)
            reading, self._next = self._next or self._read_on(start, stop), None
            # Nobody knows it while bytes are read, nor after a cancellation.
            self._position = -1
            try:
                block = await settled(reading)
            except (BotoCoreError, OSError, BodyBroken) as error:
                await self.close()
                await failures.add(error)
                continue
            failures.forget()
            start += len(block)
            self._position = start
            # The next block comes while this one goes.
            self._next = self._read_on(start, stop) if start < stop else None
            yield block

    async def send(self, start: int, stop: int, target: int) -> AsyncGenerator[int, None]:
        await self._begin(start, stop)
        failures = _Failures()
        while stop - start >= _WORTH_A_PIPE and self._pipes is not None:
            await self._stand_at(start, stop)
            body = plain(self._body, _WORTH_A_PIPE)
            pipe = self._pipes.open() if body is not None else None
            if body is None or pipe is None:
                break
            self._position = -1
            with closing(pipe):
                try:
                    async for count in self._splice(Splice(body, stop - start, pipe, target)):
                        if count:
                            failures.forget()
                        start += count
                        yield count
                except BodyBroken as error:
                    await self.close()
                    await failures.add(error)
        async for count in super().send(start, stop, target):
            yield count

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

    async def _begin(self, start: int, stop: int) -> None:
        if not 0 <= start <= stop <= self.size:
            raise ValueError(f"bytes {start} to {stop} of {self.size}")
        if self._next is not None:
            # An iteration before this one was given up, and had begun to read on to its own end.
            await self.close()

    async def _stand_at(self, start: int, stop: int) -> None:
        if self._body is not None and self._position == start:
            return
        await self.close()
        with translated():
            self._body = await self._pool.run(self._objects.open_range, self._name, start, stop, self._opened.tag)
        self._position = start

    def _read_on(self, start: int, stop: int) -> asyncio.Future[bytes]:
        return self._pool.start(_read, self._body, min(_BLOCK_SIZE, stop - start))

    async def _splice(self, splice: Splice) -> AsyncIterator[int]:
        while not splice.done:
            moved, pause = await self._pool.run(splice.step)
            if moved:
                yield moved
            if pause is Pause.TARGET_WRITABLE:
                yield 0
            elif pause is Pause.SOURCE_READABLE:
                await _readable(splice.source)
        if splice.end():
            self._body = None


class _Failures:
    """How often it failed in a row."""

    def __init__(self) -> None:
        self._count = 0

    def forget(self) -> None:
        """Begin to count anew."""
        self._count = 0

    async def add(self, error: Exception) -> None:
        """Wait before the next attempt.

        Raises:
            StorageUnavailable: there were enough.
        """
        self._count += 1
        if self._count == _ATTEMPTS:
            raise StorageUnavailable(error) from error
        await asyncio.sleep(random.uniform(0, _PAUSE_S * 2**self._count))  # noqa: S311 - it hides nothing


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        async with asyncio.timeout(READ_S):
            await ready.wait()
    except TimeoutError as error:
        raise BodyBroken from error
    finally:
        loop.remove_reader(descriptor)


def _read(body: Any, size: int) -> bytes:
    block: bytes = body.read(size)
    if not block:
        raise BodyBroken
    return block
