"""The bytes that a request brings to an upload, and how many of them are taken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Self

from registry.errors import BlobTooLarge, RegistryError, SizeInvalid
from storage_backends.filling import FillingChunks


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes that a request brings: where it says they start and how many it says they are, where it says so."""

    chunks: AsyncIterator[bytes]
    start: int | None = None
    length: int | None = None


class BoundedBody(FillingChunks):
    """The bytes of a body, up to the first one too many, and none where its declared length says that one will come."""

    def __init__(self, body: Body, offset: int, limit: int) -> None:
        """Take the bytes of `body`, which begins at `offset` of a blob of at most `limit` bytes."""
        self._body = body
        self._offset = offset
        self._limit = limit
        self._received = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """The next chunk.

        Raises:
            SizeInvalid, BlobTooLarge: it is more than was declared, or is allowed.
        """
        self._require_bounds()
        chunk = await anext(self._body.chunks)
        self._received += len(chunk)
        self._require_bounds()
        return chunk

    def can_fill(self) -> bool:
        """Whether the request's body can."""
        chunks = self._body.chunks
        # What will be refused is not begun.
        return self._breach() is None and isinstance(chunks, FillingChunks) and chunks.can_fill()

    async def ready(self) -> bool:
        """Wait for more.

        Raises:
            SizeInvalid, BlobTooLarge: as an iteration.
        """
        self._require_bounds()
        assert isinstance(self._body.chunks, FillingChunks), "it can fill"
        return await self._body.chunks.ready()

    @property
    def ended(self) -> bool:
        """Whether all came, and is not refused."""
        assert isinstance(self._body.chunks, FillingChunks), "it can fill"
        return self._breach() is None and self._body.chunks.ended

    def fill(self, buffer: memoryview) -> int:
        """Put what came into `buffer`, and nothing any more once there was too much."""
        assert isinstance(self._body.chunks, FillingChunks), "it can fill"
        if self._breach() is not None:
            return 0
        filled = self._body.chunks.fill(buffer)
        self._received += filled
        return filled

    def _require_bounds(self) -> None:
        breach = self._breach()
        if breach is not None:
            raise breach

    def _breach(self) -> RegistryError | None:
        declared = self._body.length
        if declared is not None and self._received > declared:
            return SizeInvalid(declared, self._received)
        if self._offset + max(self._received, declared or 0) > self._limit:
            return BlobTooLarge(self._limit)
        return None
