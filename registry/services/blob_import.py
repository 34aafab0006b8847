"""Blobs that come from a layout: taken where the registry has not got them, and counted either way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial

from oci_spec.digest import Digest
from registry.auth.access import Access
from registry.errors import BlobUnknown
from registry.services import mounts, pull, uploads
from registry.services.context import Services
from registry.services.progress import Progress, Unit, Watcher
from registry.services.upload_body import Body

# More would wait for the same processors and disk; fewer would wait for each blob's own sync to the disk.
_AT_ONCE = 4


class BlobImport:
    """Takes blobs into one repository; `progress` learns of each block."""

    def __init__(self, services: Services, access: Access, progress: Watcher) -> None:
        self.copied: set[Digest] = set()
        self.copied_size = 0
        self._services = services
        self._access = access
        self._progress = progress
        self._stage = ""
        self._done = 0
        self._total: int | None = None

    def begin(self, stage: str, total: int | None) -> None:
        """Begin a stage of the work in which `total` bytes (None: nobody knows) will come."""
        self._stage, self._done, self._total = stage, 0, total

    async def take(self, digest: Digest, size: int, chunks: Callable[[], AsyncIterator[bytes]]) -> None:
        """See to it that the repository has the blob; `chunks` gives its bytes, and is not asked if it has it already.

        Raises:
            DigestMismatch, BlobTooLarge: nothing was kept of it.
        """
        if await self.is_held(digest):
            self._note(size)
            return
        await uploads.receive(self._services, self._access, digest, Body(self._counted(chunks()), length=size))
        self.copied.add(digest)
        self.copied_size += size

    async def take_all(self, wanted: Mapping[Digest, int], chunks: Callable[[Digest], AsyncIterator[bytes]]) -> None:
        """Do what `take` does for all of `wanted`, digests with their sizes, some of them at the same time.

        Raises:
            DigestMismatch, BlobTooLarge: of the first that fails; some of the others were not taken then.
        """
        turns = asyncio.Semaphore(_AT_ONCE)

        async def take_one(digest: Digest, size: int) -> None:
            async with turns:
                await self.take(digest, size, partial(chunks, digest))

        try:
            async with asyncio.TaskGroup() as tasks:
                for digest, size in wanted.items():
                    tasks.create_task(take_one(digest, size))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def is_held(self, digest: Digest) -> bool:
        """Whether the repository has the blob, or another one from which it can be mounted; it is leased then."""
        try:
            await pull.blob(self._services, self._access, digest)
        except BlobUnknown:
            return await mounts.mount(self._services, self._access, digest, None)
        return True

    async def _counted(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            yield chunk
            self._note(len(chunk))

    def _note(self, size: int) -> None:
        self._done += size
        self._progress(Progress(self._stage, self._done, self._total, Unit.BYTES))
