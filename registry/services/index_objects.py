"""The registry's memory beside its database: small objects in the blob store that say what the rows said.

A registry whose database is lost is rebuilt from them (`registry.services.rebuild`). They follow the database by the
outbox: an event names what changed, and what is written is the state found now, so that events may be repeated or come
late. The bytes of removed blobs go in the same way: whatever dies in between, the event is there until they are gone.

What a blob's key itself tells needs no object: in files nothing is written for a blob but the names of its links. To
make a file for each of them took a good part of the processor time of pushing small ones.

Names, below the store's index: `blobs/<algorithm>/<two digits>/<hex>` and, for each repository,
`repositories/<name>/_links/<algorithm>/<hex>`, `…/_manifests/<algorithm>/<hex>` and `…/_tags/<tag>`. No component of a
repository's name begins with `_`, so the names of one repository never run into another's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName, Tag
from registry.metadata.database import Database
from registry.metadata.rows import Blob, LinkedBlob, OutboxEvent
from registry.metadata.transaction import Transaction
from registry.services.context import Services, now
from registry.services.events import EventKind
from storage_backends.contract import BlobStore
from storage_backends.errors import StorageFull

FORMAT = 1
LINKS, MANIFESTS, TAGS = "_links", "_manifests", "_tags"

_BATCH = 200
# Events whose objects are written in one go: they are in memory and files meanwhile, and manifests may be large.
_TOGETHER = 64
_MANIFESTS_TOGETHER = 16
_FOLLOWED_ALONE = {EventKind.BLOB_REMOVED, EventKind.REPOSITORY_DELETED}
_OF_MANIFESTS = {EventKind.MANIFEST_PUSHED, EventKind.MANIFEST_DELETED}

Objects = dict[str, bytes | None]
"""What index objects are to hold, by name; None for one that is to go."""


async def write_behind(services: Services) -> bool:
    """Write the objects of the oldest changes; whether there may be more to do.

    Raises:
        StorageError: the store refused; the events stay pending and are tried again.
    """
    pending = await services.database.read(_pending)
    try:
        await _follow_all(services, pending)
    except StorageFull:
        # What gives room back must not wait behind what needs it: in which order events are followed is all the same.
        removals = await services.database.read(_pending_removals)
        if not removals:
            raise
        await _follow_all(services, removals)
        return True
    return len(pending) == _BATCH


async def follow(services: Services, event: OutboxEvent) -> None:
    """Bring the objects that `event` is about to the state found now; may be repeated, and may come late.

    Raises:
        StorageError: the store refused.
    """
    if event.kind == EventKind.BLOB_REMOVED:
        await _remove_bytes(services, Digest.parse(event.payload["digest"]), event.payload["key"])
        return
    repository = RepositoryName.parse(event.payload["repository"])
    if event.kind == EventKind.REPOSITORY_DELETED:
        await refresh(services.database, services.store, repository)
    else:
        await apply(services.store, await services.database.read(states, services.store, [event]))


def blob_name(digest: Digest) -> str:
    """The name of the object that says where a blob is."""
    return f"blobs/{digest.algorithm}/{digest.encoded[:2]}/{digest.encoded}"


def blob_object(digest: Digest, size: int, key: str) -> Objects:
    """The object of a blob of `size` bytes, which are under `key`."""
    return {blob_name(digest): _json({"size": size, "key": key})}


def needed_object(store: BlobStore, digest: Digest, size: int, key: str) -> Objects:
    """The same, where the key does not tell all of that by itself."""
    tells = store.digest_of(key) == digest and store.size_of(key) == size
    return {} if tells else blob_object(digest, size, key)


async def _follow_all(services: Services, events: Sequence[OutboxEvent]) -> None:
    alone = [event for event in events if event.kind in _FOLLOWED_ALONE]
    manifests = [event for event in events if event.kind in _OF_MANIFESTS]
    others = [event for event in events if event.kind not in _FOLLOWED_ALONE | _OF_MANIFESTS]
    for event in alone:
        await follow(services, event)
    for together in (*_batches(others, _TOGETHER), *_batches(manifests, _MANIFESTS_TOGETHER)):
        await apply(services.store, await services.database.read(states, services.store, together))
    if events:
        await services.database.reclaim(_mark, [event.id for event in events])


def _batches(events: Sequence[OutboxEvent], size: int) -> list[Sequence[OutboxEvent]]:
    return [events[begin : begin + size] for begin in range(0, len(events), size)]


async def _remove_bytes(services: Services, digest: Digest, key: str) -> None:
    """Remove what a blob's row named when it was removed; bytes pushed since have a row and a key of their own."""
    await services.store.delete(key)
    await apply(services.store, await services.database.read(_other_blob, services.store, digest))


async def refresh(database: Database, store: BlobStore, repository: RepositoryName) -> None:
    """Bring every object that a store has of a repository: it was deleted, and may have been made anew since.

    Raises:
        StorageError: the store refused.
    """
    for part in (TAGS, MANIFESTS, LINKS):
        prefix = f"{_home(repository)}/{part}/"
        async for name in store.list_objects(prefix):
            await apply(store, await database.read(named, repository, part, name.removeprefix(prefix)))


async def apply(store: BlobStore, objects: Objects) -> None:
    """Let a store hold these objects, and not those whose content is None.

    Raises:
        StorageError: the store refused; some may hold what they should.
    """
    for name, content in objects.items():
        if content is None:
            await store.delete_object(name)
    kept = {name: content for name, content in objects.items() if content is not None}
    if kept:
        await store.put_objects(kept)


def _pending(tx: Transaction) -> list[OutboxEvent]:
    return tx.outbox.pending(_BATCH)


def _pending_removals(tx: Transaction) -> list[OutboxEvent]:
    return tx.outbox.pending_of_kind(EventKind.BLOB_REMOVED, _BATCH)


def _mark(tx: Transaction, ids: list[int]) -> None:
    tx.outbox.mark_indexed(ids, now())


def states(tx: Transaction, store: BlobStore, events: Sequence[OutboxEvent]) -> Objects:
    """What the objects that these events are about are to hold in `store` now.

    None of them is about a whole repository.
    """
    objects: Objects = {}
    for event in events:
        objects |= _state(tx, store, event)
    return objects


def _state(tx: Transaction, store: BlobStore, event: OutboxEvent) -> Objects:
    kind, repository = EventKind(event.kind), RepositoryName.parse(event.payload["repository"])
    if kind in {EventKind.TAG_MOVED, EventKind.TAG_DELETED}:
        return _tag(tx, repository, Tag.parse(event.payload["tag"]))
    digest = Digest.parse(event.payload["digest"])
    if kind in _OF_MANIFESTS:
        return _manifest(tx, repository, digest)
    if kind is EventKind.BLOB_MOVED:
        return _other_blob(tx, store, digest)
    return _blob_in(tx, store, repository, digest)


def named(tx: Transaction, repository: RepositoryName, part: str, rest: str) -> Objects:
    """What the object whose name ends with `rest` in a part of a repository's objects is to hold now."""
    if part == TAGS:
        return _tag(tx, repository, Tag.parse(rest))
    digest = Digest.parse(rest.replace("/", ":"))
    return _manifest(tx, repository, digest) if part == MANIFESTS else _link(tx, repository, digest)


def _blob_in(tx: Transaction, store: BlobStore, repository: RepositoryName, digest: Digest) -> Objects:
    """A blob and its link to a repository: one row tells of both, if there is one."""
    row = tx.repositories.find(repository)
    linked = tx.blobs.linked(row.id, digest) if row is not None else None
    blob = linked or tx.blobs.find(digest)
    return _blob_object(store, digest, blob) | _link_object(repository, digest, is_linked=linked is not None)


def _other_blob(tx: Transaction, store: BlobStore, digest: Digest) -> Objects:
    """A blob that may have had another key, which its object must not name any more."""
    return {blob_name(digest): None} | _blob_object(store, digest, tx.blobs.find(digest))


def _blob_object(store: BlobStore, digest: Digest, blob: Blob | LinkedBlob | None) -> Objects:
    return {blob_name(digest): None} if blob is None else needed_object(store, digest, blob.size, blob.key)


def _link(tx: Transaction, repository: RepositoryName, digest: Digest) -> Objects:
    row = tx.repositories.find(repository)
    linked = row is not None and tx.blobs.linked(row.id, digest) is not None
    return _link_object(repository, digest, is_linked=linked)


def _link_object(repository: RepositoryName, digest: Digest, *, is_linked: bool) -> Objects:
    return {f"{_home(repository)}/{LINKS}/{digest.algorithm}/{digest.encoded}": _json({}) if is_linked else None}


def _manifest(tx: Transaction, repository: RepositoryName, digest: Digest) -> Objects:
    name = f"{_home(repository)}/{MANIFESTS}/{digest.algorithm}/{digest.encoded}"
    row = tx.repositories.find(repository)
    found = tx.manifests.find(row.id, digest) if row is not None else None
    if found is None:
        return {name: None}
    # A line of what is known about the manifest, then its exact bytes.
    about = {"mediaType": found.media_type, "pushedAt": found.pushed_at.isoformat(), "pushedBy": found.pushed_by}
    return {name: _json(about) + b"\n" + tx.manifests.content(found.id)}


def _tag(tx: Transaction, repository: RepositoryName, tag: Tag) -> Objects:
    name = f"{_home(repository)}/{TAGS}/{tag}"
    row = tx.repositories.find(repository)
    current = tx.tags.current(row.id, tag) if row is not None else None
    if current is None:
        return {name: None}
    return {name: _json({"digest": str(current.digest), "since": current.valid_from.isoformat()})}


def _home(repository: RepositoryName) -> str:
    return f"repositories/{repository}"


def _json(fields: dict[str, Any]) -> bytes:
    return json.dumps({"format": FORMAT, **fields}, sort_keys=True).encode()
