"""What a pull asks for: a manifest by tag or digest, a blob by digest, each within one repository."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from oci_spec.digest import Digest
from oci_spec.reference import Reference, Tag
from registry import limits
from registry.auth.access import Access
from registry.errors import BlobUnknown, ManifestUnknown, Unavailable
from registry.metadata.rows import LinkedBlob, StoredManifest
from registry.metadata.transaction import Transaction
from registry.observability.logging import logger
from registry.services import blobs
from registry.services.context import Services, lease_from, now
from storage_backends.contract import BlobReader
from storage_backends.errors import BlobNotFound

_log = logger(__name__)

_HALF_A_LEASE = timedelta(seconds=limits.LEASE_S / 2)


async def manifest(services: Services, access: Access, reference: Reference) -> StoredManifest:
    """The manifest that `reference` names, with the exact bytes that were pushed.

    Who asks by digest may build on the answer, by an index that lists the manifest: it is leased, as `blob` does it.

    Raises:
        ManifestUnknown: the repository holds nothing under this tag or digest.
    """
    lookups = services.database.lookups
    if isinstance(reference, Tag):
        found = await lookups.manifest_by_tag(access.repository, reference)
    else:
        found = await lookups.manifest_by_digest(access.repository, reference)
    if found is None or not await _leased_if_by_digest(services, found):
        raise ManifestUnknown(access.repository, reference)
    return found


def note(services: Services, pulled: StoredManifest) -> None:
    """Count `pulled` as pulled now; for a GET, since a HEAD only asks whether there is something new."""
    services.pulls.note(pulled, now())


async def blob(services: Services, access: Access, digest: Digest) -> LinkedBlob:
    """The blob as this repository links it; `open_blob` then reads its bytes.

    A positive answer is one that a client may build on: it will not push the blob again. So the link is leased, and
    the answer waits for the lease to be written when less than half of it is left. A database that reads but takes no
    writes, as on a full disk, ends pushes and no pulls: all that goes without its lease is a manifest's push, which
    looks for its blobs by itself and may have to be told of one that is gone.

    Raises:
        BlobUnknown: this repository does not link such a blob, whatever others hold, or its bytes are lost.
    """
    found = await services.database.lookups.linked_blob(access.repository, digest)
    if found is None or not await blobs.can_be_read(services, found):
        raise BlobUnknown(access.repository, digest)
    moment = now()
    if not _half_spent(found.lease_until, moment):
        return found
    with suppress(Unavailable):
        if not await services.database.write(_renew, found, moment):
            raise BlobUnknown(access.repository, digest)
    return found


async def open_blob(services: Services, access: Access, blob: LinkedBlob) -> BlobReader:
    """The bytes of a blob that this repository links, open for reading; whoever asks closes the reader.

    A copy that is gone from the store, or cut short, is suspect from then on: clients that ask whether the blob is
    here learn that it is not, and push it again, which puts the bytes back.

    Raises:
        BlobUnknown: the stored copy is gone or cut short.
        StorageError: it cannot be read now.
    """
    try:
        reader = await services.store.open(blob.key)
    except BlobNotFound:
        pass
    else:
        if reader.size == blob.size:
            return reader
        await reader.close()
    _log.error("stored blob is missing or cut short", digest=str(blob.digest), key=blob.key)
    with suppress(Unavailable):
        await services.database.write(_suspect, blob)
    raise BlobUnknown(access.repository, blob.digest)


async def elsewhere(services: Services, blob: LinkedBlob) -> str | None:
    """A URL under which a client that may pull the blob gets its bytes for some minutes; None where there is none.

    A copy that is gone is told of there, and noticed here when somebody asks for its bytes, or verifies them.

    Raises:
        StorageError: none can be made now.
    """
    return await services.store.redirect(blob.key)


async def _leased_if_by_digest(services: Services, found: StoredManifest) -> bool:
    """False when the manifest was removed before it could be leased."""
    moment = now()
    if found.tag_id is not None or not _half_spent(found.lease_until, moment):
        return True
    with suppress(Unavailable):
        return await services.database.write(_lease, found, moment)
    return True


def _half_spent(lease_until: datetime | None, moment: datetime) -> bool:
    return lease_until is None or lease_until - moment < _HALF_A_LEASE


def _lease(tx: Transaction, found: StoredManifest, moment: datetime) -> bool:
    return tx.manifests.lease(found.manifest_id, lease_from(moment))


def _renew(tx: Transaction, found: LinkedBlob, moment: datetime) -> bool:
    return tx.blobs.renew(found.repository_id, found.blob_id, lease_from(moment))


def _suspect(tx: Transaction, blob: LinkedBlob) -> None:
    tx.blobs.suspect(blob.blob_id, blob.key)
