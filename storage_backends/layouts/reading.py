"""Layouts to read from: a folder, or an archive that is a file."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from oci_spec.digest import Digest
from oci_spec.errors import ImageLayoutInvalid
from oci_spec.image_layout import blob_path
from storage_backends.blocks import BLOCK_SIZE
from storage_backends.layouts._blocking import opening
from storage_backends.layouts._blocking.opening import ArchivedFiles, Part
from storage_backends.layouts.contract import LayoutReader
from storage_backends.layouts.stream import ArchiveStream
from storage_backends.threads import BlockingPool

# One that reads; another one for what is asked meanwhile.
_THREADS = 2


@asynccontextmanager
async def open_layout(source: Path | int, *, max_members: int) -> AsyncIterator[LayoutReader | ArchiveStream]:
    """The layout at `source`, a path or an open descriptor: a folder, or an archive of at most `max_members` members.

    It can be read until the block ends. What can be read only once, as a pipe can, comes as a stream.

    Raises:
        ImageLayoutInvalid: it is an archive, and no archive of a layout.
        OSError: it cannot be opened.
    """
    pool = BlockingPool(_THREADS, "layout")
    try:
        descriptor = await pool.run(opening.open_root, source)
        try:
            yield await _opened(descriptor, pool, max_members)
        finally:
            await pool.run(os.close, descriptor)
    finally:
        await pool.close()


class FolderLayout(LayoutReader):
    """A layout in the folder that is open as `root`."""

    def __init__(self, root: int, pool: BlockingPool) -> None:
        self._root = root
        self._pool = pool

    async def file(self, name: str, limit: int) -> bytes | None:
        part = await self._pool.run(opening.open_beneath, self._root, name)
        if part is None:
            return None
        try:
            return await _whole(self._pool, part, name, limit)
        finally:
            await self._pool.run(os.close, part.descriptor)

    async def size(self, digest: Digest) -> int | None:
        part = await self._pool.run(opening.open_beneath, self._root, blob_path(digest))
        if part is None:
            return None
        await self._pool.run(os.close, part.descriptor)
        return part.size

    async def chunks(self, digest: Digest) -> AsyncIterator[bytes]:
        part = await self._pool.run(opening.open_beneath, self._root, blob_path(digest))
        if part is None:
            raise ImageLayoutInvalid(f"{blob_path(digest)} is gone")
        try:
            async for block in _blocks(self._pool, part):
                yield block
        finally:
            # Not in a thread: who stops reading in the middle may have closed the pool before this runs.
            os.close(part.descriptor)


class ArchiveLayout(LayoutReader):
    """A layout in an archive whose `files` are known."""

    def __init__(self, files: ArchivedFiles, pool: BlockingPool) -> None:
        self._files = files
        self._pool = pool

    async def file(self, name: str, limit: int) -> bytes | None:
        part = self._files.files.get(name)
        return None if part is None else await _whole(self._pool, part, name, limit)

    async def size(self, digest: Digest) -> int | None:
        part = self._files.blobs.get(digest)
        return None if part is None else part.size

    async def chunks(self, digest: Digest) -> AsyncIterator[bytes]:
        async for block in _blocks(self._pool, self._files.blobs[digest]):
            yield block


async def _opened(descriptor: int, pool: BlockingPool, max_members: int) -> LayoutReader | ArchiveStream:
    if await pool.run(opening.is_folder, descriptor):
        return FolderLayout(descriptor, pool)
    if await pool.run(opening.is_file, descriptor):
        return ArchiveLayout(await pool.run(opening.archived_files, descriptor, max_members), pool)
    return ArchiveStream(descriptor, pool, max_members)


async def _whole(pool: BlockingPool, part: Part, name: str, limit: int) -> bytes:
    if part.size > limit:
        raise ImageLayoutInvalid(f"{name} has more than {limit} bytes")
    return b"".join([block async for block in _blocks(pool, part)])


async def _blocks(pool: BlockingPool, part: Part) -> AsyncIterator[bytes]:
    position, end = part.start, part.start + part.size
    while position < end:
        block = await pool.run(os.pread, part.descriptor, min(BLOCK_SIZE, end - position), position)
        if not block:
            raise ImageLayoutInvalid("a file of the layout has become shorter while it was read")
        position += len(block)
        yield block
