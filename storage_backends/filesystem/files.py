"""Whole files, read through aiofiles in a store's own threads."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiofiles
from aiofiles.threadpool.binary import AsyncFileIO

from storage_backends.blocks import BLOCK_SIZE
from storage_backends.contract import BlobReader
from storage_backends.filesystem.faults import translated
from storage_backends.threads import BlockingPool, settled

# What aiofiles' own `async with` closes, it closes in threads that are nobody's: files are opened and closed here.


class FilesystemBlobReader(BlobReader):
    """A blob's open file."""

    def __init__(self, file: AsyncFileIO, size: int) -> None:
        self._file = file
        self._size = size

    @property
    def size(self) -> int:
        return self._size

    def fileno(self) -> int:
        return self._file.fileno()

    async def chunks(self, start: int, stop: int) -> AsyncIterator[bytes]:
        if not 0 <= start <= stop <= self._size:
            raise ValueError(f"bytes {start} to {stop} of {self._size}")
        with translated():
            await settled(self._file.seek(start))
            while start < stop:
                chunk = await settled(self._file.read(min(BLOCK_SIZE, stop - start)))
                if not chunk:
                    raise OSError(errno.EIO, f"the blob ends at byte {start} of {self._size}")
                start += len(chunk)
                yield chunk

    async def close(self) -> None:
        with translated():
            await settled(self._file.close())


async def open_file(path: Path, pool: BlockingPool, opener: Callable[[str, int], int] | None = None) -> AsyncFileIO:
    """The file at `path`, unbuffered; the caller closes it."""
    opening = asyncio.ensure_future(aiofiles.open(path, "rb", 0, opener=opener, executor=pool.executor))
    try:
        return await settled(opening)
    except asyncio.CancelledError:
        if opening.exception() is None:
            await opening.result().close()
        raise


async def read_file(path: Path, pool: BlockingPool) -> bytes:
    """The content of the file at `path`."""
    file = await open_file(path, pool)
    try:
        return await settled(file.readall())
    finally:
        await settled(file.close())
