"""Layouts to write to: a folder, an archive that is a file, or one that goes through a pipe."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from oci_spec.digest import ALGORITHMS, Digest
from oci_spec.image_layout import (
    BLOB_FOLDER,
    INDEX_FILE,
    LAYOUT_FILE,
    LayoutEntry,
    blob_path,
    layout_file,
    merged_index,
)
from storage_backends.layouts._blocking import writing
from storage_backends.layouts.contract import LayoutWriter
from storage_backends.threads import BlockingPool, ended, settled

_THREADS = 1


@asynccontextmanager
async def folder_target(path: Path) -> AsyncIterator[LayoutWriter]:
    """A layout in the folder `path`, which is made if need be, to write to until the block ends.

    What is there already stays, and content that is there in full is not written again: so an export that was killed
    goes on where it was. What it lists is added to what the folder's `index.json` lists.

    Raises:
        LayoutOccupied: the folder holds something else, or another export is writing to it.
    """
    folder = writing.Folder(path)
    async with _pool() as pool:
        with writing.named(path):
            try:
                await pool.run(folder.open)
                yield FolderTarget(folder, pool)
            finally:
                await pool.run(folder.close)


@asynccontextmanager
async def archive_target(path: Path) -> AsyncIterator[LayoutWriter]:
    """An archive that takes the place of the file `path` when it is finished, and is dropped otherwise.

    Raises:
        LayoutOccupied: another export is writing to it.
    """
    file = writing.ArchiveFile(path)
    async with _pool() as pool:
        with writing.named(path):
            try:
                await pool.run(file.open)
                yield ArchiveTarget(file.descriptor, pool, finished=file.publish)
            finally:
                await pool.run(file.close)


@asynccontextmanager
async def pipe_target(descriptor: int) -> AsyncIterator[LayoutWriter]:
    """An archive that goes to the open `descriptor`, which stays open."""
    async with _pool() as pool:
        yield ArchiveTarget(descriptor, pool, finished=lambda: None)


class FolderTarget(LayoutWriter):
    """A layout in a folder that is held."""

    def __init__(self, folder: writing.Folder, pool: BlockingPool) -> None:
        self._folder = folder
        self._pool = pool

    async def holds(self, digest: Digest, size: int) -> bool:
        return await self._pool.run(self._folder.holds, digest, size)

    async def put(self, digest: Digest, size: int, chunks: AsyncIterator[bytes]) -> None:
        file = await self._pool.run(self._folder.begin, digest, size)
        try:
            await _copied(self._pool, chunks, file.write)
            await self._pool.run(self._folder.publish, file, digest)
        finally:
            await self._pool.run(os.close, file.descriptor)

    async def finish(self, entries: Sequence[LayoutEntry]) -> None:
        # Nothing may be named before it is on the disk.
        await self._pool.run(self._folder.sync)
        before = await self._pool.run(self._folder.index)
        await self._pool.run(self._folder.replace, INDEX_FILE, merged_index(entries, before))


class ArchiveTarget(LayoutWriter):
    """A layout in an archive; `finished` is called when it is whole."""

    def __init__(self, descriptor: int, pool: BlockingPool, *, finished: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._pool = pool
        self._finished = finished
        self._has_begun = False

    async def holds(self, digest: Digest, size: int) -> bool:
        return False

    async def put(self, digest: Digest, size: int, chunks: AsyncIterator[bytes]) -> None:
        await self._begin()
        file = writing.HashedFile(self._descriptor, digest, size)
        await self._pool.run(writing.write_header, self._descriptor, blob_path(digest), size)
        await _copied(self._pool, chunks, file.write)
        file.check()
        await self._pool.run(writing.write_padding, self._descriptor, size)

    async def finish(self, entries: Sequence[LayoutEntry]) -> None:
        await self._begin()
        # Last, so that an archive that was cut off between two files is no layout.
        await self._put_file(INDEX_FILE, merged_index(entries))
        await self._pool.run(writing.write_end, self._descriptor)
        await self._pool.run(self._finished)

    async def _begin(self) -> None:
        if self._has_begun:
            return
        self._has_begun = True
        await self._put_file(LAYOUT_FILE, layout_file())
        for folder in (BLOB_FOLDER, *(f"{BLOB_FOLDER}/{algorithm}" for algorithm in ALGORITHMS)):
            await self._pool.run(writing.write_folder, self._descriptor, folder)

    async def _put_file(self, name: str, content: bytes) -> None:
        await self._pool.run(writing.write_header, self._descriptor, name, len(content))
        await self._pool.run(writing.write_all, self._descriptor, content)
        await self._pool.run(writing.write_padding, self._descriptor, len(content))


@asynccontextmanager
async def _pool() -> AsyncIterator[BlockingPool]:
    pool = BlockingPool(_THREADS, "layout")
    try:
        yield pool
    finally:
        await pool.close()


async def _copied(pool: BlockingPool, chunks: AsyncIterator[bytes], write: Callable[[bytes], None]) -> None:
    """Write all chunks: each is read while a thread hashes and writes the one before."""
    pending: asyncio.Future[None] | None = None
    try:
        async for chunk in chunks:
            if pending is not None:
                await settled(pending)
            pending = pool.start(write, chunk)
        if pending is not None:
            await settled(pending)
    finally:
        if pending is not None:
            await ended(pending)
