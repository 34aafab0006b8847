"""A blob's way into a repository: stored bytes get a digest, a row and a link, in one transaction."""

from __future__ import annotations

from oci_spec.digest import Digest
from registry.auth.access import Access
from registry.errors import UploadConflict
from registry.metadata.rows import Blob, Upload
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
) -> None:
    """Map `digest` to the committed bytes, link it to the repository, and end the upload session that brought it.

    Two clients may commit the same digest at once: one object wins, the other is dropped. Where the stored copy is
    suspect (its object is gone or has another size), the new bytes take its place: a re-push heals.

    Raises:
        UploadConflict: another request ended the session meanwhile.
    """
    known = await services.database.read(_find, digest)
    suspect = known is not None and not await _is_sound(services, known)
    superseded = await services.database.write(_publish, access, digest, stored, upload=upload, suspect=suspect)
    if superseded is not None:
        await services.store.delete(superseded)


async def _is_sound(services: Services, blob: Blob) -> bool:
    try:
        return await services.store.stat(blob.key) == blob.size
    except storage.BlobNotFound:
        return False


def _find(tx: Transaction, digest: Digest) -> Blob | None:
    return tx.blobs.find(digest)


def _publish(
    tx: Transaction,
    access: Access,
    digest: Digest,
    stored: StoredObject,
    *,
    upload: Upload | None,
    suspect: bool,
) -> str | None:
    """The key of the object that nothing refers to any more, if there is one."""
    moment = now()
    about = About(access, moment)
    if upload is not None and not tx.uploads.delete(upload.id, upload.version):
        raise UploadConflict(upload.id)
    blob, inserted = tx.blobs.insert(digest, stored.size, stored.key, now=moment)
    superseded = None if inserted or blob.key == stored.key else stored.key
    if superseded is not None and suspect:
        superseded = tx.blobs.replace_key(blob.id, stored.key)
        events.record(tx, EventKind.BLOB_MOVED, about, digest=digest)
    target = tx.repositories.ensure(access.repository, moment)
    tx.blobs.link(target.id, blob.id, lease_from(moment), now=moment)
    events.record(tx, EventKind.BLOB_LINKED, about, digest=digest)
    return superseded
