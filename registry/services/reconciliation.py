"""Comparing database and storage, both ways: bytes that no row names, and rows whose bytes are gone or cut short.

Neither comes about while all goes well. A process that dies between storing bytes and recording them leaves the one,
until the upload is repeated; a disk that loses files, or a restored backup of only one of the two, leaves the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName
from registry import limits
from registry.metadata.garbage_values import GarbageTerms, RestingBlob
from registry.metadata.transaction import Transaction
from registry.services.context import Services, now
from registry.services.progress import Progress, Watcher, unwatched
from storage_backends.contract import StoredObject
from storage_backends.errors import BlobNotFound, UploadBusy

_BATCH = 500
_LOOKS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class DamagedBlob:
    """A blob whose bytes are gone (`found` is None) or not as many as its row says; and some who link it."""

    digest: Digest
    key: str
    size: int
    found: int | None
    repositories: tuple[RepositoryName, ...]


async def strays(services: Services, *, progress: Watcher = unwatched) -> AsyncIterator[StoredObject]:
    """The stored objects that no row names and no upload session will.

    Those whose row was removed count as such until the writing behind has removed the bytes.
    """
    async for candidate in _unnamed(services, progress):
        async with _ownership(services, candidate) as stray:
            pass
        if stray:
            yield candidate


async def remove_strays(services: Services, *, progress: Watcher = unwatched) -> AsyncIterator[StoredObject]:
    """Remove what `strays` finds, and give it; nothing that is being recorded meanwhile is touched."""
    async for candidate in _unnamed(services, progress):
        async with _ownership(services, candidate) as stray:
            if stray:
                await services.store.delete(candidate.key)
        if stray:
            yield candidate


async def damaged(services: Services, *, progress: Watcher = unwatched) -> AsyncIterator[DamagedBlob]:
    """The blobs whose bytes are gone or of another size; each is suspect from then on.

    Clients that ask whether a suspect blob is here learn that it is not, and push it again, which heals it. One whose
    bytes are whole again, as when a disk was away, is served again at once.
    """
    total = await services.database.read(_count)
    after: int | None = None
    done = 0
    while True:
        blobs, after = await services.database.read(_blobs, after)
        for start in range(0, len(blobs), _LOOKS_AT_ONCE):
            some = blobs[start : start + _LOOKS_AT_ONCE]
            found = await asyncio.gather(*(_size(services, blob) for blob in some))
            for blob, size in zip(some, found, strict=True):
                if size != blob.size and await services.database.write(_suspect, blob):
                    holders = await services.database.read(_holders, blob.digest)
                    yield DamagedBlob(blob.digest, blob.key, blob.size, size, tuple(holders))
            done += len(some)
            progress(Progress("blobs", done, total))
        if after is None:
            return


async def _unnamed(services: Services, progress: Watcher) -> AsyncIterator[StoredObject]:
    batch: list[StoredObject] = []
    done = 0
    async for stored in services.store.list_keys():
        batch.append(stored)
        if len(batch) == _BATCH:
            for unnamed in await _without_row(services, batch):
                yield unnamed
            done += len(batch)
            progress(Progress("stored objects", done, None))
            batch = []
    for unnamed in await _without_row(services, batch):
        yield unnamed


async def _without_row(services: Services, batch: Sequence[StoredObject]) -> list[StoredObject]:
    named = await services.database.read(_named, [stored.key for stored in batch])
    return [stored for stored in batch if stored.key not in named]


@asynccontextmanager
async def _ownership(services: Services, candidate: StoredObject) -> AsyncIterator[bool]:
    """Whether nobody will record the object; if so, nobody can as long as the block runs.

    Bytes are recorded by the one who holds their upload. A session that is open can be gone on with: its client may
    repeat the request that died, which finds the bytes committed.
    """
    upload = services.store.upload_of(candidate.key)
    try:
        async with services.store.session(upload):
            yield await services.database.read(_is_nobodys, candidate.key, upload)
    except UploadBusy:
        yield False


async def _size(services: Services, blob: RestingBlob) -> int | None:
    try:
        return await services.store.stat(blob.key)
    except BlobNotFound:
        return None


def _named(tx: Transaction, keys: list[str]) -> set[str]:
    return tx.garbage.named_keys(keys)


def _is_nobodys(tx: Transaction, key: str, upload: str) -> bool:
    return not tx.garbage.named_keys([key]) and not tx.garbage.session_keys([upload])


def _blobs(tx: Transaction, after: int | None) -> tuple[list[RestingBlob], int | None]:
    # All of them, however young: a row is made after its bytes.
    moment = now() + timedelta(days=1)
    return tx.garbage.resting_blobs(GarbageTerms(moment, moment), after, _BATCH)


def _count(tx: Transaction) -> int:
    return tx.verification.totals(not_since=None)[0]


def _suspect(tx: Transaction, blob: RestingBlob) -> bool:
    return tx.blobs.suspect(blob.id, blob.key)


def _holders(tx: Transaction, digest: Digest) -> list[RepositoryName]:
    return tx.blobs.readable_repositories(digest, limits.MOUNT_CANDIDATES)
