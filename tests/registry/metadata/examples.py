"""Content for metadata tests, and the units of work that most of them begin with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from oci_spec.digest import Digest
from oci_spec.manifest import ManifestKind
from oci_spec.reference import RepositoryName, Tag
from registry.metadata.rows import Blob, ManifestReference, ManifestRow, NewManifest, ReferenceRole, Repository, Upload
from registry.metadata.transaction import Transaction

NOW = datetime(2026, 5, 4, 3, 2, 1, 987654, tzinfo=UTC)
APP = RepositoryName.parse("team/app")
OTHER = RepositoryName.parse("team/other")
LATEST = Tag.parse("latest")
ALICE = "user:alice"


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def digest(text: str) -> Digest:
    return Digest.of(text.encode())


def a_reference(text: str, role: ReferenceRole = ReferenceRole.LAYER, size: int = 10) -> ManifestReference:
    return ManifestReference(role, digest(text), "application/octet-stream", size, None, present=True)


def a_manifest(text: str, *references: ManifestReference) -> NewManifest:
    return NewManifest(
        digest=digest(text),
        media_type="application/vnd.oci.image.manifest.v1+json",
        kind=ManifestKind.IMAGE,
        content=text.encode(),
        artifact_type=None,
        config_media_type="application/vnd.oci.image.config.v1+json",
        subject=None,
        annotations=None,
        references=references,
        pushed_at=NOW,
        pushed_by=ALICE,
    )


def a_referrer(text: str, subject: str, artifact_type: str | None) -> NewManifest:
    return replace(a_manifest(text), subject=digest(subject), artifact_type=artifact_type)


def an_upload(upload_id: str = "2f9e", repository: RepositoryName = APP) -> Upload:
    return Upload(
        id=upload_id,
        repository=repository,
        subject=ALICE,
        algorithm="sha256",
        key=f"uploads/{upload_id}",
        offset=0,
        hash_state=b"",
        backend_state=b"",
        tail=b"",
        version=0,
        started_at=NOW,
        updated_at=NOW,
        expires_at=later(60),
    )


def ensure(tx: Transaction, name: RepositoryName = APP) -> Repository:
    return tx.repositories.ensure(name, NOW, may_make_namespace=True)


def link(tx: Transaction, text: str, name: RepositoryName = APP, lease_s: float = 60) -> Blob:
    blob, _ = tx.blobs.insert(digest(text), len(text), f"key-of-{text}", now=NOW)
    tx.blobs.link(ensure(tx, name).id, blob.id, later(lease_s), now=NOW)
    return blob


def put(tx: Transaction, manifest: NewManifest, name: RepositoryName = APP) -> ManifestRow:
    row, _ = tx.manifests.put(ensure(tx, name).id, manifest)
    return row


def push(tx: Transaction, text: str, tag: Tag = LATEST, name: RepositoryName = APP) -> Digest | None:
    """Store the manifest `text` and point `tag` at it; what it named before."""
    row = put(tx, a_manifest(text), name)
    return tx.tags.point(row.repository_id, tag, row.digest, actor=ALICE, now=NOW)
