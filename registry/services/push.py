"""A manifest's way into a repository: checked, stored as the exact bytes, tagged, all in one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from oci_spec.descriptor import Descriptor
from oci_spec.digest import Digest
from oci_spec.manifest import Manifest, parse_manifest
from oci_spec.media_types import is_nondistributable
from oci_spec.reference import Reference, Tag
from registry.auth.access import Access
from registry.errors import DigestMismatch, ManifestBlobUnknown, ManifestTooLarge
from registry.metadata.rows import ManifestReference, NewManifest, ReferenceRole
from registry.metadata.transaction import Transaction
from registry.services import events, tags
from registry.services.context import Services, now
from registry.services.events import EventKind


@dataclass(frozen=True, slots=True)
class PushedManifest:
    """What the client learns: the digest to pull by, the subject that was recorded, and the tags that now name it."""

    digest: Digest
    subject: Digest | None
    tags: tuple[Tag, ...]


async def manifest(
    services: Services,
    access: Access,
    reference: Reference,
    content: bytes,
    *,
    content_type: str | None,
    extra_tags: tuple[Tag, ...] = (),
) -> PushedManifest:
    """Store `content` under its digest and point `reference` (if a tag) and `extra_tags` at it.

    Raises:
        ManifestInvalid: not a manifest (see `oci_spec.manifest.parse_manifest`).
        ManifestTooLarge: beyond the configured size.
        DigestMismatch: pushed by a digest that the content does not have.
        ManifestBlobUnknown: it names content that this repository lacks, and sparse manifests are refused.
    """
    if len(content) > services.settings.manifest_bytes:
        raise ManifestTooLarge(services.settings.manifest_bytes)
    digest = _checked_digest(reference, content)
    parsed = parse_manifest(content, content_type)
    names = (reference, *extra_tags) if isinstance(reference, Tag) else extra_tags
    pushed = _Push(access, digest, parsed, content, names, services.settings.sparse_manifests)
    await services.database.write(_store, pushed)
    return PushedManifest(digest, parsed.subject.digest if parsed.subject else None, names)


@dataclass(frozen=True, slots=True)
class _Push:
    access: Access
    digest: Digest
    manifest: Manifest
    content: bytes
    tags: tuple[Tag, ...]
    sparse: bool


def _checked_digest(reference: Reference, content: bytes) -> Digest:
    if isinstance(reference, Tag):
        return Digest.of(content)
    actual = Digest.of(content, reference.algorithm)
    if actual != reference:
        raise DigestMismatch(reference, actual)
    return actual


def _store(tx: Transaction, push: _Push) -> None:
    moment = now()
    repository = tx.repositories.ensure(push.access.repository, moment)
    references = _resolve(tx, repository.id, push)
    tx.manifests.put(
        repository.id,
        NewManifest(
            digest=push.digest,
            media_type=push.manifest.media_type,
            kind=push.manifest.kind,
            content=push.content,
            artifact_type=push.manifest.artifact_type,
            config_media_type=push.manifest.config.media_type if push.manifest.config else None,
            subject=push.manifest.subject.digest if push.manifest.subject else None,
            annotations=push.manifest.annotations,
            references=references,
            pushed_at=moment,
            pushed_by=push.access.actor,
        ),
    )
    tx.repositories.touch(repository.id, moment)
    about = events.About(push.access, moment)
    events.record(tx, EventKind.MANIFEST_PUSHED, about, digest=push.digest)
    for tag in push.tags:
        tags.move(tx, repository.id, tag, push.digest, about=about)


def _resolve(tx: Transaction, repository_id: int, push: _Push) -> tuple[ManifestReference, ...]:
    """What the manifest refers to, each marked as present or absent in this repository."""
    manifest = push.manifest
    named = {descriptor.digest for descriptor in (*_config(manifest), *manifest.layers, *manifest.manifests)}
    absent = tx.blobs.missing(repository_id, named)
    # An index's child is usually a manifest; buildkit's older caches list layers there, which are blobs.
    children = {descriptor.digest for descriptor in manifest.manifests}
    absent -= tx.manifests.known(repository_id, absent & children)
    required = [d.digest for d in (*_config(manifest), *filter(_is_required, manifest.layers), *manifest.manifests)]
    missing = [digest for digest in dict.fromkeys(required) if digest in absent]
    if missing and not push.sparse:
        raise ManifestBlobUnknown(push.access.repository, missing)
    roles = (
        *((ReferenceRole.CONFIG, descriptor) for descriptor in _config(manifest)),
        *((ReferenceRole.LAYER, descriptor) for descriptor in manifest.layers),
        *((ReferenceRole.MANIFEST, descriptor) for descriptor in manifest.manifests),
    )
    return tuple(
        ManifestReference(role, d.digest, d.media_type, d.size, d.platform, d.digest not in absent) for role, d in roles
    )


def _config(manifest: Manifest) -> tuple[Descriptor, ...]:
    return (manifest.config,) if manifest.config is not None else ()


def _is_required(layer: Descriptor) -> bool:
    """A layer that its publisher may keep elsewhere need not be here (image-spec, "Non-distributable layers")."""
    return not layer.urls and not is_nondistributable(layer.media_type)
