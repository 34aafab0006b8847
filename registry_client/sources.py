"""Where the bytes of a push come from: sources that can be read again from any place, and bodies made of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

from registry_client import limits
from registry_client.errors import SourceChanged


class Source(Protocol):
    """Bytes that stay the same, however often and from wherever they are read: a broken upload reads some again."""

    @property
    def size(self) -> int:
        """How many bytes there are."""

    def blocks(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, not including, `stop`, in blocks of any size."""


class BytesSource:
    """A source of bytes in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    @property
    def size(self) -> int:
        return len(self._content)

    async def blocks(self, start: int, stop: int) -> AsyncIterator[bytes]:
        for at in range(start, stop, limits.BLOCK_BYTES):
            yield self._content[at : min(at + limits.BLOCK_BYTES, stop)]


class FileSource:
    """A source that is a file, read in threads: the block that is needed next while the one before it is sent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = path.stat().st_size

    @property
    def size(self) -> int:
        return self._size

    async def blocks(self, start: int, stop: int) -> AsyncIterator[bytes]:
        descriptor = await asyncio.to_thread(os.open, self._path, os.O_RDONLY | os.O_CLOEXEC)
        upcoming: asyncio.Task[bytes] | None = None
        try:
            upcoming = _reading(descriptor, start, stop)
            # Shielded: were it cancelled with who waits for it, its thread would go on all the same.
            while block := await asyncio.shield(upcoming):
                start += len(block)
                upcoming = _reading(descriptor, start, stop)
                yield block
        finally:
            if upcoming is not None:
                # A thread cannot be interrupted, and the descriptor must not be closed under its hands.
                await asyncio.wait((upcoming,))
            os.close(descriptor)
            if upcoming is not None and not upcoming.cancelled():
                # Asked for, so that a failure nobody is left to be told of is not reported as forgotten.
                upcoming.exception()


class Body:
    """A part of a source as a request's body: exactly as many bytes as announced, as often as it is sent.

    `failure` is what the source raised, or that it gave too little or too much. `sent` is told how far into the source
    the bytes reach that have been sent.
    """

    def __init__(self, source: Source, start: int, stop: int, sent: Callable[[int], None] = lambda _: None) -> None:
        self._source = source
        self._sent = sent
        self._start = start
        self._stop = stop
        self.failure: Exception | None = None

    @property
    def size(self) -> int:
        """How many bytes are sent."""
        return self._stop - self._start

    async def pieces(self, sending: Callable[[int], None]) -> AsyncIterator[bytes]:
        """Pieces that are worth a write; `sending` is told, before each, how many bytes are left after it."""
        at = self._start
        try:
            async for block in self._source.blocks(self._start, self._stop):
                for start in range(0, len(block), limits.SENT_BYTES):
                    piece = block[start : start + limits.SENT_BYTES]
                    at += len(piece)
                    if at > self._stop:
                        raise SourceChanged(self.size)
                    sending(self._stop - at)
                    yield piece
                    self._sent(at)
            if at < self._stop:
                raise SourceChanged(self.size)
        except Exception as error:
            # The HTTP library takes this for a broken connection, after which the request would be made again.
            self.failure = error
            raise


def _reading(descriptor: int, start: int, stop: int) -> asyncio.Task[bytes]:
    size = min(limits.BLOCK_BYTES, stop - start)
    return asyncio.create_task(asyncio.to_thread(os.pread, descriptor, size, start))
