"""A blob's way into a repository: stored bytes get a digest, a row and a link, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from oci_spec.digest import Digest
from registry import limits
from registry.auth.access import Access
from registry.errors import NamespaceUnknown, StorageFull
from registry.metadata.rows import Blob, BlobState, LinkedBlob, Upload, Visibility
from registry.metadata.transaction import Transaction
from registry.services import events
from registry.services.context import Services, lease_from, now
from registry.services.events import About, EventKind
from storage_backends import errors as storage
from storage_backends.contract import StoredObject


async def publish(
    services: Services,
    access: Access,
    digest: Digest,
    stored: StoredObject,
    *,
    upload: Upload | None = None,
) -> bool:
    """Map `digest` to the committed bytes, link it to the repository, and end the upload session that brought it.

    Two clients may commit the same digest at once: one object wins, the other is dropped. Where the stored copy is
    suspect, gone or cut short, the new bytes take its place: a re-push heals. False when the session is not what it
    was: nothing was linked then, and the bytes are dropped.

    Raises:
        NamespaceUnknown: the namespace has been removed since the push was allowed.
    """
    known = await services.database.lookups.blob(digest)
    broken = known.key if known is not None and not await _is_good(services, known) else None
    publishing = _Publishing(access, digest, services.settings.default_visibility)
    try:
        unused = await services.database.write(_publish, publishing, stored, upload=upload, broken=broken)
    except _SessionChanged:
        await _drop_unless_used(services, digest, stored)
        return False
    except (StorageFull, NamespaceUnknown):
        # The transaction is undone. No session will ask for these bytes again, and a disk that has no room for a row
        # must not keep them.
        if upload is None:
            await _drop_unless_used(services, digest, stored)
        raise
    if unused is not None:
        await services.store.delete(unused)
    return True


async def can_be_read(services: Services, blob: LinkedBlob) -> bool:
    """Whether the blob's bytes are there, as far as is known; a suspect copy is looked for: its disk may be back."""
    if blob.state is BlobState.CORRUPT:
        return False
    return blob.state is BlobState.PRESENT or await _is_whole(services, blob)


@dataclass(frozen=True, slots=True)
class _Publishing:
    """What is to be readable, where; `visibility` is that of a repository that comes to be by it."""

    access: Access
    digest: Digest
    visibility: Visibility


class _SessionChanged(Exception):
    """The upload session was ended by another request."""


async def _is_good(services: Services, blob: Blob) -> bool:
    return blob.state is BlobState.PRESENT and await _is_whole(services, blob)


async def _is_whole(services: Services, blob: Blob | LinkedBlob) -> bool:
    try:
        return await services.store.stat(blob.key) == blob.size
    except storage.BlobNotFound:
        return False


async def _drop_unless_used(services: Services, digest: Digest, stored: StoredObject) -> None:
    """Remove bytes that were committed in vain.

    A process that died may have been the one that ended the session, by recording these very bytes.
    """
    known = await services.database.lookups.blob(digest)
    if known is None or known.key != stored.key:
        await services.store.delete(stored.key)


def _publish(
    tx: Transaction,
    publishing: _Publishing,
    stored: StoredObject,
    *,
    upload: Upload | None,
    broken: str | None,
) -> str | None:
    """The key of the object that nothing refers to any more, if there is one."""
    moment = now()
    access, digest = publishing.access, publishing.digest
    about = About(access, moment)
    if upload is not None and not tx.uploads.delete(upload.id, upload.version):
        raise _SessionChanged
    blob, inserted = tx.blobs.insert(digest, stored.size, stored.key, now=moment)
    unused = None if inserted or blob.key == stored.key else stored.key
    # Another re-push may have replaced the broken copy since: then its bytes are as good as these.
    if unused is not None and blob.key == broken:
        unused = tx.blobs.replace_key(blob.id, stored.key)
        events.record(tx, EventKind.BLOB_MOVED, about, digest=digest)
    target = tx.repositories.ensure(
        access.repository, moment, publishing.visibility, may_make_namespace=access.may_make_namespace
    )
    tx.blobs.link(target.id, blob.id, lease_from(moment), now=moment)
    if upload is not None and moment - upload.started_at > timedelta(seconds=limits.LEASE_S) / 2:
        # While the session was open nothing was collected that was leased when it began (`registry.metadata.garbage`).
        # The push that it belongs to has yet to build on that.
        tx.blobs.renew_since(target.id, upload.started_at, lease_from(moment))
        tx.manifests.lease_since(target.id, upload.started_at, lease_from(moment))
    events.record_pushed_blob(tx, about, digest)
    return unused
