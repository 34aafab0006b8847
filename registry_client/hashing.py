"""A digest computed while bytes stream by, without holding up the event loop."""

from __future__ import annotations

import asyncio
import hashlib

from oci_spec.digest import Digest
from registry_client import limits


async def digest_of(content: bytes, algorithm: str) -> Digest:
    """The digest of a whole content."""
    if len(content) <= limits.INLINE_BYTES:
        return Digest.of(content, algorithm)
    return await asyncio.to_thread(Digest.of, content, algorithm)


class RunningDigest:
    """The digest of all blocks that were given to `add`.

    A large block is hashed in a thread, while its owner goes on; the next one waits for it, so that there is one at a
    time. hashlib lets other threads run meanwhile.
    """

    def __init__(self, algorithm: str) -> None:
        self._algorithm = algorithm
        self._hash = hashlib.new(algorithm)
        self._work: asyncio.Future[None] | None = None

    async def add(self, block: bytes) -> None:
        """Begin to hash a block; nobody may change it any more."""
        await self._settle()
        if len(block) <= limits.INLINE_BYTES:
            self._hash.update(block)
        else:
            self._work = asyncio.get_running_loop().run_in_executor(None, self._hash.update, block)

    async def digest(self) -> Digest:
        """The digest of what was added."""
        await self._settle()
        return Digest.from_raw(self._algorithm, self._hash.digest())

    async def _settle(self) -> None:
        if self._work is not None:
            await self._work
            self._work = None
