"""From a manifest that was read to what the database keeps of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from oci_spec.descriptor import Descriptor
from oci_spec.digest import Digest
from oci_spec.manifest import Manifest
from oci_spec.media_types import MANIFEST_TYPES
from registry.metadata.rows import ManifestReference, NewManifest, ReferenceRole
from registry.metadata.transaction import Transaction


def lacking(tx: Transaction, repository_id: int, manifest: Manifest) -> set[Digest]:
    """What of all that a manifest names the repository does not hold; the rest stays until the transaction ends."""
    return _lacking(tx, repository_id, (*_config(manifest), *manifest.layers), manifest.manifests)


def row(
    manifest: Manifest, digest: Digest, content: bytes, *, lacking: set[Digest], pushed_at: datetime, pushed_by: str
) -> NewManifest:
    """What is stored of a manifest whose exact bytes are `content`, where `lacking` is what the repository lacks."""
    roles = (
        *((ReferenceRole.CONFIG, descriptor) for descriptor in _config(manifest)),
        *((ReferenceRole.LAYER, descriptor) for descriptor in manifest.layers),
        *((ReferenceRole.MANIFEST, descriptor) for descriptor in manifest.manifests),
    )
    references = tuple(
        ManifestReference(role, d.digest, d.media_type, d.size, d.platform, d.digest not in lacking)
        for role, d in roles
    )
    return NewManifest(
        digest=digest,
        media_type=manifest.media_type,
        kind=manifest.kind,
        content=content,
        artifact_type=manifest.artifact_type,
        config_media_type=manifest.config.media_type if manifest.config else None,
        subject=manifest.subject.digest if manifest.subject else None,
        annotations=manifest.annotations,
        references=references,
        pushed_at=pushed_at,
        pushed_by=pushed_by,
    )


def _lacking(
    tx: Transaction, repository_id: int, blobs: Sequence[Descriptor], children: Sequence[Descriptor]
) -> set[Digest]:
    # What is said to be a manifest will be pulled as one, so a blob does not do. All else that an index lists may be a
    # blob, such as the layers that old BuildKit caches list there.
    manifests = {child.digest for child in children if child.media_type in MANIFEST_TYPES}
    others = {child.digest for child in children} - manifests
    missing = tx.blobs.missing(repository_id, {descriptor.digest for descriptor in blobs} | others) | manifests
    return missing - tx.manifests.known(repository_id, missing & (manifests | others))


def _config(manifest: Manifest) -> tuple[Descriptor, ...]:
    return (manifest.config,) if manifest.config is not None else ()
