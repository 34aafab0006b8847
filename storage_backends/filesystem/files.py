"""A store's files as they are read: blobs in blocks, in a store's own threads, and small files whole."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path

import aiofiles

from storage_backends.blocks import BLOCK_SIZE
from storage_backends.contract import BlobReader
from storage_backends.filesystem._blocking.opening import OpenedFile, is_removed, open_blob, open_cached
from storage_backends.filesystem.faults import translated
from storage_backends.threads import BlockingPool, settled

_CLOSED = -1


class FilesystemBlobReader(BlobReader):
    """A blob's open file, read in the threads of `pool`."""

    def __init__(self, file: OpenedFile, pool: BlockingPool) -> None:
        self._descriptor, self._size = file
        self._pool = pool

    @property
    def size(self) -> int:
        return self._size

    def fileno(self) -> int:
        return self._descriptor

    async def chunks(self, start: int, stop: int) -> AsyncIterator[bytes]:
        if not 0 <= start <= stop <= self._size:
            raise ValueError(f"bytes {start} to {stop} of {self._size}")
        with translated():
            while start < stop:
                chunk = await self._pool.run(os.pread, self._descriptor, min(BLOCK_SIZE, stop - start), start)
                if not chunk:
                    raise OSError(errno.EIO, f"the blob ends at byte {start} of {self._size}")
                start += len(chunk)
                yield chunk

    async def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, _CLOSED
        if descriptor == _CLOSED:
            return
        with translated():
            if is_removed(descriptor):
                await self._pool.run(os.close, descriptor)
            else:
                # On the event loop by intent: nothing waits for it, and a hop to a thread costs a hundred times that.
                os.close(descriptor)


async def open_reader(path: Path, pool: BlockingPool) -> FilesystemBlobReader:
    """The blob at `path`, ready to read; raises OSError where there is none."""
    # On the event loop by intent: 5 µs for what the kernel remembers, where a hop to a thread costs twenty times that.
    file = open_cached(str(path))
    if file is None:
        opening = pool.start(open_blob, str(path))
        try:
            file = await settled(opening)
        except asyncio.CancelledError:
            if opening.exception() is None:
                os.close(opening.result().descriptor)
            raise
    return FilesystemBlobReader(file, pool)


async def read_file(path: Path, pool: BlockingPool) -> bytes:
    """The content of the small file at `path`."""
    # What aiofiles' own `async with` closes, it closes in threads that are nobody's: files are opened and closed here.
    opening = asyncio.ensure_future(aiofiles.open(path, "rb", 0, executor=pool.executor))
    try:
        file = await settled(opening)
    except asyncio.CancelledError:
        if opening.exception() is None:
            await opening.result().close()
        raise
    try:
        return await settled(file.readall())
    finally:
        await settled(file.close())
