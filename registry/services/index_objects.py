"""The registry's memory beside its database: small objects in the blob store that say what the rows said.

A registry whose database is lost is rebuilt from them. They follow the database by the outbox: an event names what
changed, and what is written is the state found now, so that events may be repeated or come late.

Names, below the store's index: `blobs/<algorithm>/<two digits>/<hex>` and, for each repository,
`repositories/<name>/_links/<algorithm>/<hex>`, `…/_manifests/<algorithm>/<hex>` and `…/_tags/<tag>`. No component of a
repository's name begins with `_`, so the names of one repository never run into another's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName, Tag
from registry.metadata.rows import OutboxEvent
from registry.metadata.transaction import Transaction
from registry.services.context import Services, now
from registry.services.events import EventKind

FORMAT = 1

_BATCH = 200


@dataclass(frozen=True, slots=True)
class _Objects:
    """What one event asks for: the objects to write, those to remove, and prefixes of which all are to go."""

    write: dict[str, bytes]
    remove: tuple[str, ...] = ()
    clear: tuple[str, ...] = ()


async def write_behind(services: Services) -> bool:
    """Write the objects of the oldest changes; whether there may be more to do.

    Raises:
        StorageError: the store refused; the events stay pending and are tried again.
    """
    pending = await services.database.read(_pending)
    for event in pending:
        objects = await services.database.read(_state, event)
        for prefix in objects.clear:
            async for name in services.store.list_objects(prefix):
                await services.store.delete_object(name)
        for name, content in objects.write.items():
            await services.store.put_object(name, content)
        for name in objects.remove:
            await services.store.delete_object(name)
    if pending:
        await services.database.write(_mark, [event.id for event in pending])
    return len(pending) == _BATCH


def _pending(tx: Transaction) -> list[OutboxEvent]:
    return tx.outbox.pending(_BATCH)


def _mark(tx: Transaction, ids: list[int]) -> None:
    tx.outbox.mark_indexed(ids, now())


def _state(tx: Transaction, event: OutboxEvent) -> _Objects:
    repository = RepositoryName.parse(event.payload["repository"])
    match EventKind(event.kind):
        case EventKind.BLOB_LINKED | EventKind.BLOB_UNLINKED | EventKind.BLOB_MOVED:
            return _blob(tx, repository, Digest.parse(event.payload["digest"]))
        case EventKind.MANIFEST_PUSHED | EventKind.MANIFEST_DELETED:
            return _manifest(tx, repository, Digest.parse(event.payload["digest"]))
        case EventKind.TAG_MOVED | EventKind.TAG_DELETED:
            return _tag(tx, repository, Tag.parse(event.payload["tag"]))
        case EventKind.REPOSITORY_DELETED:
            home = _home(repository)
            return _Objects({}, clear=tuple(f"{home}/{part}/" for part in ("_tags", "_manifests", "_links")))


def _blob(tx: Transaction, repository: RepositoryName, digest: Digest) -> _Objects:
    blob_name = f"blobs/{digest.algorithm}/{digest.encoded[:2]}/{digest.encoded}"
    link_name = f"{_home(repository)}/_links/{digest.algorithm}/{digest.encoded}"
    row = tx.repositories.find(repository)
    linked = tx.blobs.linked(row.id, digest) if row is not None else None
    blob = tx.blobs.find(digest)
    write = {}
    if blob is not None:
        write[blob_name] = _json({"size": blob.size, "key": blob.key})
    if linked is not None:
        write[link_name] = _json({})
    return _Objects(write, tuple({blob_name, link_name} - write.keys()))


def _manifest(tx: Transaction, repository: RepositoryName, digest: Digest) -> _Objects:
    name = f"{_home(repository)}/_manifests/{digest.algorithm}/{digest.encoded}"
    row = tx.repositories.find(repository)
    found = tx.manifests.find(row.id, digest) if row is not None else None
    if found is None:
        return _Objects({}, (name,))
    # A line of what is known about the manifest, then its exact bytes.
    about = {"mediaType": found.media_type, "pushedAt": found.pushed_at.isoformat(), "pushedBy": found.pushed_by}
    return _Objects({name: _json(about) + b"\n" + tx.manifests.content(found.id)})


def _tag(tx: Transaction, repository: RepositoryName, tag: Tag) -> _Objects:
    name = f"{_home(repository)}/_tags/{tag}"
    row = tx.repositories.find(repository)
    current = tx.tags.current(row.id, tag) if row is not None else None
    if current is None:
        return _Objects({}, (name,))
    return _Objects({name: _json({"digest": str(current.digest), "since": current.valid_from.isoformat()})})


def _home(repository: RepositoryName) -> str:
    return f"repositories/{repository}"


def _json(fields: dict[str, Any]) -> bytes:
    return json.dumps({"format": FORMAT, **fields}, sort_keys=True).encode()
