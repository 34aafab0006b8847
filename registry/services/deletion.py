"""Taking things away: a tag, a manifest with its tags, a blob from one repository, a whole repository.

Deletion removes rows, at once and for every worker. Bytes go later, when nothing refers to them.
"""

from __future__ import annotations

from oci_spec.digest import Digest
from oci_spec.reference import Tag
from registry.auth.access import Access
from registry.errors import BlobUnknown, ManifestUnknown, RepositoryProtected, RepositoryUnknown, TagProtected
from registry.metadata.rows import Upload
from registry.metadata.transaction import Transaction
from registry.services import events, protections
from registry.services.context import Services, now
from registry.services.events import About, EventKind
from registry.services.upload_state import stored_state


async def tag(services: Services, access: Access, name: Tag) -> None:
    """End `name`; the manifest stays, and so do its other tags (distribution-spec, "Deleting tags").

    Raises:
        ManifestUnknown: the repository has no such tag.
        TagProtected: it is protected.
    """
    await services.database.reclaim(_delete_tag, access, name)


async def manifest(services: Services, access: Access, digest: Digest) -> None:
    """Remove the manifest and, in the same moment, every tag that names it ("Deleting manifests").

    Raises:
        ManifestUnknown: the repository holds no such manifest.
        TagProtected: a tag that names it is protected; nothing is removed.
    """
    await services.database.reclaim(_delete_manifest, access, digest)


async def blob(services: Services, access: Access, digest: Digest) -> None:
    """Unlink the blob from this repository; others that link it keep it ("Deleting blobs").

    Raises:
        BlobUnknown: the repository does not link it.
    """
    await services.database.reclaim(_delete_blob, access, digest)


async def repository(services: Services, access: Access) -> None:
    """Remove the repository with its tags, their history, manifests, links and upload sessions.

    Raises:
        RepositoryUnknown: there is no such repository.
        RepositoryProtected: it has protected tags.
    """
    await _abort(services, await services.database.reclaim(_delete_unprotected_repository, access))


async def repository_with_protected_tags(services: Services, access: Access) -> None:
    """Do what `repository` does, protected tags or not.

    Raises:
        RepositoryUnknown: there is no such repository.
    """
    await _abort(services, await services.database.reclaim(_delete_repository, access))


def _delete_tag(tx: Transaction, access: Access, name: Tag) -> None:
    moment = now()
    row = tx.repositories.find(access.repository)
    if row is None or not tx.tags.end(row.id, name, actor=access.actor, now=moment):
        raise ManifestUnknown(access.repository, name)
    _require_unprotected(tx, access, row.id, [name])
    events.record(tx, EventKind.TAG_DELETED, About(access, moment), tag=name)


def _delete_manifest(tx: Transaction, access: Access, digest: Digest) -> None:
    moment = now()
    row = tx.repositories.find(access.repository)
    if row is None or not tx.manifests.delete(row.id, digest):
        raise ManifestUnknown(access.repository, digest)
    names = [Tag.parse(name) for name in tx.tags.end_all(row.id, digest, actor=access.actor, now=moment)]
    _require_unprotected(tx, access, row.id, names)
    for name in names:
        events.record(tx, EventKind.TAG_DELETED, About(access, moment), tag=name)
    events.record(tx, EventKind.MANIFEST_DELETED, About(access, moment), digest=digest)


def _require_unprotected(tx: Transaction, access: Access, repository_id: int, ended: list[Tag]) -> None:
    # After they have ended: they are locked by then, and a refusal undoes it.
    if protected := protections.protected(tx, repository_id, ended):
        raise TagProtected(access.repository, [name for name in ended if name in protected])


def _delete_blob(tx: Transaction, access: Access, digest: Digest) -> None:
    row = tx.repositories.find(access.repository)
    if row is None or not tx.blobs.unlink(row.id, digest):
        raise BlobUnknown(access.repository, digest)
    events.record(tx, EventKind.BLOB_UNLINKED, About(access, now()), digest=digest)


def _delete_unprotected_repository(tx: Transaction, access: Access) -> list[Upload]:
    row = tx.repositories.lock(access.repository)
    if row is not None and (tag := protections.first_protected(tx, row.id)) is not None:
        raise RepositoryProtected(access.repository, tag)
    return _delete_repository(tx, access)


def _delete_repository(tx: Transaction, access: Access) -> list[Upload]:
    row = tx.repositories.find(access.repository)
    if row is None:
        raise RepositoryUnknown(access.repository)
    uploads = tx.uploads.for_repository(access.repository)
    for upload in uploads:
        tx.uploads.delete(upload.id, None)
    tx.repositories.delete(row.id)
    events.record(tx, EventKind.REPOSITORY_DELETED, About(access, now()))
    return uploads


async def _abort(services: Services, uploads: list[Upload]) -> None:
    for upload in uploads:
        await services.store.abort(stored_state(upload))
