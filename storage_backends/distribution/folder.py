"""A distribution registry's data in a folder, its `storage.filesystem.rootdirectory`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from storage_backends.blocks import BLOCK_SIZE
from storage_backends.distribution._blocking import files
from storage_backends.distribution.contract import Tree
from storage_backends.errors import SourceUnreadable
from storage_backends.threads import BlockingPool

_THREADS = 8


@asynccontextmanager
async def open_folder(root: Path) -> AsyncIterator[Tree]:
    """The files below `root`, until the block ends."""
    pool = BlockingPool(_THREADS, "distribution")
    try:
        yield FolderTree(root, pool)
    finally:
        await pool.close()


class FolderTree(Tree):
    """The files below a folder, read by the threads of a pool."""

    def __init__(self, root: Path, pool: BlockingPool) -> None:
        self._root = root
        self._pool = pool

    async def names(self, path: str) -> list[str]:
        with _read_at(path):
            return await self._pool.run(files.names, self._root / path)

    async def content(self, path: str, limit: int) -> bytes | None:
        with _read_at(path):
            return await self._pool.run(files.content, self._root / path, limit)

    async def size(self, path: str) -> int | None:
        with _read_at(path):
            return await self._pool.run(files.size, self._root / path)

    async def chunks(self, path: str) -> AsyncIterator[bytes]:
        with _read_at(path):
            descriptor = await self._pool.run(files.opened, self._root / path)
        try:
            while True:
                with _read_at(path):
                    block = await self._pool.run(os.read, descriptor, BLOCK_SIZE)
                if not block:
                    return
                yield block
        finally:
            # Not in a thread: who stops reading in the middle may have closed the pool before this runs.
            os.close(descriptor)


@contextmanager
def _read_at(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SourceUnreadable(path, error) from error
