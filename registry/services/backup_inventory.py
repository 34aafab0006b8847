"""Which blobs of a backup a storage does not have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from registry.services.backup import InventoriedBlob
from storage_backends.contract import BlobStore
from storage_backends.errors import BlobNotFound, ObjectNameInvalid

_LOOKS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class LackingBlob:
    """A blob of which the storage has no bytes (`found` is None), or not as many as there were."""

    blob: InventoriedBlob
    found: int | None


async def lacking(store: BlobStore, blobs: Iterable[InventoriedBlob]) -> AsyncIterator[LackingBlob]:
    """Those of `blobs` that are not in `store` in full; their bytes are not read."""
    unread = iter(blobs)
    # In a thread: they may come from a file that is read on the way.
    while some := await asyncio.to_thread(_next, unread):
        sizes = await asyncio.gather(*(_size(store, blob) for blob in some))
        for blob, found in zip(some, sizes, strict=True):
            if found != blob.size:
                yield LackingBlob(blob, found)


async def _size(store: BlobStore, blob: InventoriedBlob) -> int | None:
    try:
        return await store.stat(blob.key)
    except (BlobNotFound, ObjectNameInvalid):
        return None


def _next(blobs: Iterator[InventoriedBlob]) -> list[InventoriedBlob]:
    return list(islice(blobs, _LOOKS_AT_ONCE))
