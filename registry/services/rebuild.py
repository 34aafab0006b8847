"""A registry whose database is lost, recovered from what its blob store holds.

The index objects that are written behind every change (`registry.services.index_objects`) say which blobs there are,
which repositories link them, and give manifests and tags. Where keys tell what they are of, blobs are found by them: a
link vouches for the only copy of its blob, and any other, as those from the last seconds before the loss, is read. What
each step does may be done again: a rebuild that was killed is started anew, and goes through what it did before.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName, Tag
from registry.auth.subject import system
from registry.metadata.rows import NEVER
from registry.metadata.transaction import Transaction
from registry.services import index_objects, index_reading, manifest_rows, stored_bytes
from registry.services.context import Services, lease_from, now
from registry.services.index_reading import IndexedBlob, IndexedManifest, IndexedTag, IndexObjectBroken, Place
from registry.services.progress import Progress, Watcher, unwatched
from storage_backends.contract import StoredObject
from storage_backends.errors import BlobNotFound, ObjectNotFound, StorageError

_BATCH = 200
# Each may be of 4 MiB, and takes several times that while it is read.
_MANIFESTS_AT_ONCE = 8
_MARK = "rebuild"
_ACTOR = str(system("rebuild"))

T = TypeVar("T")


class Kind(StrEnum):
    """What is recovered, in this order."""

    BLOB = "blob"
    LINK = "link"
    MANIFEST = "manifest"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class Loss:
    """Something of which there is a trace and that could not be recovered; `reason` completes "it …".

    `name` is a digest, a tag, or that of the stored object if nothing better is known.
    """

    kind: Kind
    repository: RepositoryName | None
    name: str
    reason: str


@dataclass(slots=True)
class Rebuilt:
    """How many of each there are again; `unindexed` are the blobs among them that no index object named."""

    repositories: int = 0
    blobs: int = 0
    unindexed: int = 0
    links: int = 0
    manifests: int = 0
    tags: int = 0
    lost: int = 0


class DatabaseNotEmpty(Exception):
    """The database holds a registry; a rebuild would mix what is lost with what is there."""


async def rebuild(services: Services, *, told: Callable[[Loss], None], progress: Watcher = unwatched) -> Rebuilt:
    """Recover all that the store knows of into the database, which is empty or that of a rebuild that was killed.

    Nobody else may write to the registry meanwhile. `told` learns of every loss, `progress` of how far it has come.

    Raises:
        DatabaseNotEmpty: there is something in the database.
        StorageError: the store cannot be listed.
    """
    token = await services.database.write(_begin)
    work = _Rebuild(services, told, progress)
    await work.blobs()
    await work.named_by_keys()
    await work.links()
    await work.manifests()
    await work.tags()
    work.rebuilt.repositories = await services.database.write(_end, token)
    return work.rebuilt


@dataclass(frozen=True, slots=True)
class _FoundBlob:
    digest: Digest
    key: str
    size: int


class _Rebuild:
    """One pass over the store: kind by kind, because each kind builds on those before it."""

    def __init__(self, services: Services, told: Callable[[Loss], None], progress: Watcher) -> None:
        self.rebuilt = Rebuilt()
        self._services = services
        self._told = told
        self._progress = progress
        self._moment = now()
        self._missing: dict[Digest, Loss] = {}

    async def blobs(self) -> None:
        """Every blob that has an index object, if its bytes are there in full."""
        async for names in _batches(self._services.store.list_objects("blobs/"), _BATCH):
            await self._put([blob for blob in await asyncio.gather(*map(self._blob, names)) if blob is not None])
            self._progress(Progress("blobs", self.rebuilt.blobs, None))

    async def named_by_keys(self) -> None:
        """Every other blob whose key tells its digest, if a link vouches for it, or the bytes have that digest."""
        linked: set[Digest] | None = None
        async for objects in _folders(self._services.store.list_keys()):
            unknown = await self._unknown(objects)
            if unknown and linked is None:
                linked = await self._linked()
            copies = Counter(found.digest for found in unknown)
            vouched, doubtful = [], []
            for found in unknown:
                told = self._services.store.size_of(found.key)
                if told is not None and told != found.size:
                    self._missing.setdefault(found.digest, _cut_short(found, told))
                elif told is not None and linked and found.digest in linked and copies[found.digest] == 1:
                    vouched.append(found)
                else:
                    doubtful.append(found)
            for start in range(0, len(vouched), _BATCH):
                await self._put(vouched[start : start + _BATCH])
                self._progress(Progress("blobs", self.rebuilt.blobs, None))
            whole = [found for found in doubtful if await self._is_whole(found)]
            for found in whole:
                await self._put([found])
                self.rebuilt.unindexed += 1
                self._progress(Progress("blobs by their bytes", self.rebuilt.unindexed, None))
        for loss in self._missing.values():
            self._lose(loss)

    async def links(self) -> None:
        """Every link, if its blob was recovered."""
        told = set(self._missing)
        async for places in _batches(self._places(index_objects.LINKS, Kind.LINK), _BATCH):
            links = self._read_names(Kind.LINK, places, Place.digest)
            lost = await self._services.database.write(_put_links, links, self._moment)
            for place, digest in lost:
                if digest not in told:
                    told.add(digest)
                    self._lose(Loss(Kind.BLOB, None, str(digest), "has no stored bytes"))
                self._lose(Loss(Kind.LINK, place.repository, str(digest), "names a blob that was not recovered"))
            self.rebuilt.links += len(links) - len(lost)
            self._progress(Progress("links", self.rebuilt.links, None))

    async def manifests(self) -> None:
        """Every manifest whose bytes have its digest, whatever became of what it names."""
        async for places in _batches(self._places(index_objects.MANIFESTS, Kind.MANIFEST), _MANIFESTS_AT_ONCE):
            named = self._read_names(Kind.MANIFEST, places, Place.digest)
            read = await asyncio.gather(*(self._manifest(place, digest) for place, digest in named))
            whole = [manifest for manifest in read if manifest is not None]
            await self._services.database.write(_put_manifests, whole, self._moment)
            self.rebuilt.manifests += len(whole)
            self._progress(Progress("manifests", self.rebuilt.manifests, None))
        # An index may have come before what it lists.
        await self._services.database.write(_settle)

    async def tags(self) -> None:
        """Every tag, if its manifest was recovered."""
        async for places in _batches(self._places(index_objects.TAGS, Kind.TAG), _BATCH):
            named = self._read_names(Kind.TAG, places, Place.tag)
            read = await asyncio.gather(*(self._tag(place, tag) for place, tag in named))
            whole = [tag for tag in read if tag is not None]
            lost = await self._services.database.write(_put_tags, whole)
            for place, tag, indexed in lost:
                reason = f"names a manifest that was not recovered: {indexed.digest}"
                self._lose(Loss(Kind.TAG, place.repository, str(tag), reason))
            self.rebuilt.tags += len(whole) - len(lost)
            self._progress(Progress("tags", self.rebuilt.tags, None))

    async def _blob(self, name: str) -> _FoundBlob | None:
        digest: Digest | None = None
        try:
            digest = index_reading.blob_digest(name)
            indexed = index_reading.read_blob(await self._services.store.get_object(name))
            await self._look_for(indexed)
            return _FoundBlob(digest, indexed.key, indexed.size)
        except (IndexObjectBroken, StorageError) as error:
            loss = Loss(Kind.BLOB, None, name if digest is None else str(digest), _reason(error))
        if digest is None:
            self._lose(loss)
        else:
            # Its bytes may still be found by their key.
            self._missing[digest] = loss
        return None

    async def _look_for(self, indexed: IndexedBlob) -> None:
        size = await self._services.store.stat(indexed.key)
        if size != indexed.size:
            raise IndexObjectBroken(f"has {size} bytes stored of {indexed.size}")

    async def _put(self, found: list[_FoundBlob]) -> None:
        await self._services.database.write(_put_blobs, found, self._moment)
        self.rebuilt.blobs += len(found)
        for blob in found:
            self._missing.pop(blob.digest, None)

    async def _linked(self) -> set[Digest]:
        """The digests of all links, in memory: some hundred bytes for each blob."""
        linked = set()
        async for place in self._places(index_objects.LINKS, Kind.BLOB):
            # What bears no digest's name is told of with the links.
            with suppress(IndexObjectBroken):
                linked.add(place.digest())
        return linked

    async def _unknown(self, objects: Sequence[StoredObject]) -> list[_FoundBlob]:
        digests = ((self._services.store.digest_of(stored.key), stored) for stored in objects)
        found = [_FoundBlob(digest, stored.key, stored.size) for digest, stored in digests if digest is not None]
        return await self._services.database.read(_without_row, found)

    async def _is_whole(self, found: _FoundBlob) -> bool:
        try:
            actual = await stored_bytes.digest_of(self._services, found.key, found.digest.algorithm)
        except StorageError as error:
            reason = _reason(error)
        else:
            if actual == found.digest:
                return True
            reason = "has stored bytes of another digest"
        self._missing.setdefault(found.digest, Loss(Kind.BLOB, None, str(found.digest), reason))
        return False

    async def _places(self, part: str, kind: Kind) -> AsyncIterator[Place]:
        """The names of one kind; those that are of no kind are told of with the links, which come first."""
        async for name in self._services.store.list_objects("repositories/"):
            try:
                place = index_reading.place(name)
                if place.part == part:
                    yield place
            except IndexObjectBroken as error:
                if kind is Kind.LINK:
                    self._lose(Loss(kind, None, name, error.reason))

    def _read_names(self, kind: Kind, places: Sequence[Place], read: Callable[[Place], T]) -> list[tuple[Place, T]]:
        named: list[tuple[Place, T]] = []
        for place in places:
            try:
                named.append((place, read(place)))
            except IndexObjectBroken as error:
                self._lose(Loss(kind, place.repository, place.rest, error.reason))
        return named

    async def _manifest(self, place: Place, digest: Digest) -> tuple[Place, Digest, IndexedManifest] | None:
        try:
            content = await self._content(place)
            return place, digest, await asyncio.to_thread(index_reading.read_manifest, content, digest)
        except (IndexObjectBroken, StorageError) as error:
            self._lose(Loss(Kind.MANIFEST, place.repository, str(digest), _reason(error)))
            return None

    async def _tag(self, place: Place, tag: Tag) -> tuple[Place, Tag, IndexedTag] | None:
        try:
            return place, tag, index_reading.read_tag(await self._content(place))
        except (IndexObjectBroken, StorageError) as error:
            self._lose(Loss(Kind.TAG, place.repository, str(tag), _reason(error)))
            return None

    async def _content(self, place: Place) -> bytes:
        return await self._services.store.get_object(f"repositories/{place.repository}/{place.part}/{place.rest}")

    def _lose(self, loss: Loss) -> None:
        self.rebuilt.lost += 1
        self._told(loss)


async def _folders(listed: AsyncIterator[StoredObject]) -> AsyncIterator[list[StoredObject]]:
    """Blobs that are listed together by the folder that their keys name: all copies of one are in the same."""
    folder, together = "", list[StoredObject]()
    async for stored in listed:
        name = stored.key.rpartition("/")[0]
        if together and (name != folder or (not name and len(together) == _BATCH)):
            yield together
            together = []
        folder = name
        together.append(stored)
    if together:
        yield together


async def _batches(values: AsyncIterator[T], size: int) -> AsyncIterator[list[T]]:
    batch: list[T] = []
    async for value in values:
        batch.append(value)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _cut_short(found: _FoundBlob, size: int) -> Loss:
    return Loss(Kind.BLOB, None, str(found.digest), f"has {found.size} bytes stored of {size}")


def _reason(error: IndexObjectBroken | StorageError) -> str:
    if isinstance(error, IndexObjectBroken):
        return error.reason
    if isinstance(error, BlobNotFound):
        return "has no stored bytes"
    if isinstance(error, ObjectNotFound):
        return "has gone meanwhile"
    return f"cannot be read: {error}"


def _begin(tx: Transaction) -> int:
    """Mark the rebuild as begun, by a lease that nobody waits for; the token to end it with."""
    begun = tx.leases.ends_at(_MARK)
    is_resumed = begun is not None and begun > NEVER
    if not is_resumed and (tx.repositories.list(1, None) or tx.blobs.any()):
        raise DatabaseNotEmpty
    moment = now()
    token = tx.leases.acquire(_MARK, _ACTOR, until=moment, now=max(moment, begun or moment))
    assert token is not None
    return token


def _end(tx: Transaction, token: int) -> int:
    tx.leases.release(_MARK, token)
    return tx.repositories.count()


def _put_blobs(tx: Transaction, found: list[_FoundBlob], moment: datetime) -> None:
    for blob in found:
        tx.blobs.insert(blob.digest, blob.size, blob.key, now=moment)


def _without_row(tx: Transaction, found: list[_FoundBlob]) -> list[_FoundBlob]:
    return [blob for blob in found if tx.blobs.find(blob.digest) is None]


def _put_links(tx: Transaction, links: list[tuple[Place, Digest]], moment: datetime) -> list[tuple[Place, Digest]]:
    """Those whose blob there is none of."""
    lost = []
    for place, digest in links:
        blob = tx.blobs.find(digest)
        if blob is None:
            lost.append((place, digest))
            continue
        repository = tx.repositories.ensure(place.repository, moment, may_make_namespace=True)
        # The leases are lost. A client that was told a moment before the loss that the blob is here may build on it.
        tx.blobs.link(repository.id, blob.id, lease_from(moment), now=moment)
    return lost


def _put_manifests(tx: Transaction, read: list[tuple[Place, Digest, IndexedManifest]], moment: datetime) -> None:
    for place, digest, indexed in read:
        repository = tx.repositories.ensure(place.repository, moment, may_make_namespace=True)
        row = manifest_rows.row(
            indexed.manifest,
            digest,
            indexed.content,
            lacking=manifest_rows.lacking(tx, repository.id, indexed.manifest),
            pushed_at=indexed.pushed_at,
            pushed_by=indexed.pushed_by,
        )
        stored, _ = tx.manifests.put(repository.id, row)
        tx.manifests.lease(stored.id, lease_from(moment))


def _settle(tx: Transaction) -> None:
    tx.manifests.settle_references()


def _put_tags(tx: Transaction, read: list[tuple[Place, Tag, IndexedTag]]) -> list[tuple[Place, Tag, IndexedTag]]:
    """Those whose manifest there is none of."""
    lost = []
    for place, tag, indexed in read:
        repository = tx.repositories.find(place.repository)
        if repository is None or not tx.manifests.exists(repository.id, indexed.digest):
            lost.append((place, tag, indexed))
        elif tx.tags.current(repository.id, tag) is None:
            tx.tags.point(repository.id, tag, indexed.digest, actor=_ACTOR, now=indexed.since)
    return lost
