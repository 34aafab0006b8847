"""What a pull asks for: a manifest by tag or digest, a blob by digest, each within one repository."""

from __future__ import annotations

from datetime import datetime, timedelta

from oci_spec.digest import Digest
from oci_spec.reference import Reference, Tag
from registry import limits
from registry.auth.access import Access
from registry.errors import BlobUnknown, ManifestUnknown
from registry.metadata.rows import LinkedBlob, StoredManifest
from registry.metadata.transaction import Transaction
from registry.services.context import Services, lease_from, now


async def manifest(services: Services, access: Access, reference: Reference) -> StoredManifest:
    """The manifest that `reference` names, with the exact bytes that were pushed.

    Raises:
        ManifestUnknown: the repository holds nothing under this tag or digest.
    """
    lookups = services.database.lookups
    if isinstance(reference, Tag):
        found = await lookups.manifest_by_tag(access.repository, reference)
    else:
        found = await lookups.manifest_by_digest(access.repository, reference)
    if found is None:
        raise ManifestUnknown(access.repository, reference)
    return found


def note(services: Services, pulled: StoredManifest) -> None:
    """Count `pulled` as pulled now; for a GET, since a HEAD only asks whether there is something new."""
    services.pulls.note(pulled, now())


async def blob(services: Services, access: Access, digest: Digest) -> LinkedBlob:
    """The blob as this repository links it; its bytes are then read from the store under `key`.

    A positive answer is one that a client may build on: it will not push the blob again. So the link is leased, and
    the answer waits for the lease to be written when less than half of it is left.

    Raises:
        BlobUnknown: this repository does not link such a blob, whatever others hold.
    """
    found = await services.database.lookups.linked_blob(access.repository, digest)
    if found is None:
        raise BlobUnknown(access.repository, digest)
    moment = now()
    if _half_spent(found.lease_until, moment) and not await services.database.write(_renew, found, moment):
        raise BlobUnknown(access.repository, digest)
    return found


def _half_spent(lease_until: datetime, moment: datetime) -> bool:
    return lease_until - moment < timedelta(seconds=limits.LEASE_S) / 2


def _renew(tx: Transaction, found: LinkedBlob, moment: datetime) -> bool:
    return tx.blobs.renew(found.repository_id, found.blob_id, lease_from(moment))
