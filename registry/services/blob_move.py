"""Copies of blobs at the place to which the storage is moving, made while the registry serves from where they are.

A copy has a key of that place's own, which the database remembers beside the blob's, and an index object there. It was
hashed on its way: what is not what its digest says is not copied.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from oci_spec.digest import Digest
from registry.metadata.moves import MovedBlob
from registry.metadata.rows import VerifiableBlob
from registry.metadata.transaction import Transaction
from registry.services import index_objects
from registry.services.context import Services
from registry.services.progress import Progress, Unit, Watcher
from registry.services.verification import Fault
from storage_backends.contract import BlobStore, StoredObject
from storage_backends.errors import AppendInterrupted, BlobNotFound, DigestMismatch, ObjectNotFound, StorageError

_BATCH = 100
# More would wait for the same network and disks.
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Place:
    """Where the storage is moving: the name by which the database knows it, and its store."""

    name: str
    store: BlobStore


@dataclass(frozen=True, slots=True)
class NotCopied:
    """A blob whose bytes could not be copied."""

    blob: VerifiableBlob
    fault: Fault


@dataclass(slots=True)
class Copied:
    """How many blobs were copied, how many bytes, and how many copies went since their blobs are gone."""

    blobs: int = 0
    size: int = 0
    dropped: int = 0
    not_copied: int = 0


async def level(services: Services, place: Place, *, told: Callable[[NotCopied], None], progress: Watcher) -> Copied:
    """Copy all blobs that are not at `place` yet, and drop copies of those that are gone.

    `told` learns of each that could not be copied. May be interrupted, and goes on where it was.

    Raises:
        StorageError: the place took no more.
    """
    copied = Copied(dropped=await _drop_gone(services, place))
    shown = _Shown((await services.database.read(_totals, place.name))[1], progress)
    turns = asyncio.Semaphore(_AT_ONCE)

    async def copy(blob: VerifiableBlob) -> None:
        async with turns:
            fault = await _copy(services, place, blob, shown)
        if fault is None:
            copied.blobs += 1
            copied.size += blob.size
        # One that is gone meanwhile, or healed under another key, is none of those that are lost.
        elif await services.database.read(_is_there, blob):
            copied.not_copied += 1
            told(NotCopied(blob, fault))

    async for blobs in _unmoved(services, place):
        try:
            async with asyncio.TaskGroup() as tasks:
                for blob in blobs:
                    tasks.create_task(copy(blob))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
    return copied


async def key_of_nothing(place: Place) -> str:
    """A key under which there is nothing at `place`, for blobs that are lost."""
    stored = await _stored(place.store, Digest.of(b""), _no_bytes())
    await place.store.delete(stored.key)
    return stored.key


class _Shown:
    """How many of all bytes have passed."""

    def __init__(self, total: int, progress: Watcher) -> None:
        self._total = total
        self._progress = progress
        self._passed = 0

    async def each(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            yield chunk
            self._passed += len(chunk)
            self._progress(Progress("copying", self._passed, self._total, Unit.BYTES))


async def _drop_gone(services: Services, place: Place) -> int:
    dropped = 0
    while gone := await services.database.read(_gone, place.name):
        for moved in gone:
            await _drop(place.store, moved)
        await services.database.write(_forget, place.name, [moved.blob_id for moved in gone])
        dropped += len(gone)
    return dropped


async def _drop(store: BlobStore, moved: MovedBlob) -> None:
    await store.delete(moved.key)
    name = index_objects.blob_name(moved.digest)
    try:
        content = await store.get_object(name)
    except ObjectNotFound:
        return
    # The same bytes may have been pushed again since, and copied under another key.
    if {name: content} == index_objects.blob_object(moved.digest, moved.size, moved.key):
        await store.delete_object(name)


async def _unmoved(services: Services, place: Place) -> AsyncIterator[list[VerifiableBlob]]:
    after = 0
    while blobs := await services.database.read(_stretch, place.name, after):
        yield blobs
        after = blobs[-1].id


async def _copy(services: Services, place: Place, blob: VerifiableBlob, shown: _Shown) -> Fault | None:
    try:
        reader = await services.store.open(blob.key)
    except BlobNotFound:
        return Fault.MISSING
    except StorageError:
        return Fault.UNREADABLE
    async with reader:
        if reader.size != blob.size:
            return Fault.CUT_SHORT
        try:
            stored = await _stored(place.store, blob.digest, shown.each(reader.chunks(0, reader.size)))
        except DigestMismatch:
            return Fault.CORRUPT
        except AppendInterrupted as interrupted:
            # What was to be read could not be: when the place fails, the error is another one.
            if isinstance(interrupted.__cause__, StorageError):
                return Fault.UNREADABLE
            raise (interrupted.__cause__ or interrupted) from None
    # The object first: what the database knows to be there has one, whenever this process dies.
    needed = index_objects.needed_object(place.store, blob.digest, blob.size, stored.key)
    await index_objects.apply(place.store, needed)
    await services.database.write(_note, place.name, MovedBlob(blob.id, blob.digest, blob.size, stored.key))
    return None


async def _stored(store: BlobStore, digest: Digest, chunks: AsyncIterator[bytes]) -> StoredObject:
    state = await store.begin(digest.algorithm)
    try:
        async with store.session(state.key) as session:
            return await session.commit(await session.append(state, chunks, to_commit=True), digest)
    finally:
        # Does nothing after a commit.
        await store.abort(state)


async def _no_bytes() -> AsyncIterator[bytes]:
    for chunk in tuple[bytes, ...]():
        yield chunk


def _totals(tx: Transaction, place: str) -> tuple[int, int]:
    return tx.moves.unmoved_totals(place)


def _stretch(tx: Transaction, place: str, after: int) -> list[VerifiableBlob]:
    return tx.moves.unmoved(place, after, _BATCH)


def _gone(tx: Transaction, place: str) -> list[MovedBlob]:
    return tx.moves.gone(place, _BATCH)


def _forget(tx: Transaction, place: str, blob_ids: list[int]) -> None:
    tx.moves.forget(place, blob_ids)


def _note(tx: Transaction, place: str, moved: MovedBlob) -> None:
    tx.moves.note(place, moved)


def _is_there(tx: Transaction, blob: VerifiableBlob) -> bool:
    found = tx.blobs.find(blob.digest)
    return found is not None and found.key == blob.key
