"""A manifest's way into a repository: checked, stored as the exact bytes, tagged, all in one transaction."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from oci_spec.descriptor import Descriptor
from oci_spec.digest import Digest
from oci_spec.errors import ManifestInvalid
from oci_spec.manifest import Manifest, parse_manifest
from oci_spec.media_types import is_nondistributable
from oci_spec.reference import Reference, Tag
from registry import limits
from registry.auth.access import Access
from registry.errors import DigestMismatch, ManifestBlobUnknown, ManifestTooLarge, TagProtected
from registry.metadata.rows import Visibility
from registry.metadata.transaction import Transaction
from registry.services import events, manifest_rows, tags
from registry.services.context import Services, lease_from, now
from registry.services.events import EventKind

# A manifest of this size takes 3 ms to read; one of 4 MiB takes a hundred times that, for which no request should wait.
_INLINE_BYTES = 32 * limits.KIB


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

    Pushing again what is there already, under the same type, sends no event.

    Raises:
        ManifestInvalid: not a manifest (see `oci_spec.manifest.parse_manifest`), or one that names too much.
        ManifestTooLarge: beyond the configured size.
        DigestMismatch: pushed by a digest that the content does not have.
        ManifestBlobUnknown: it names content that this repository lacks, and sparse manifests are refused.
        NamespaceUnknown: the namespace has been removed since the push was allowed.
        TagProtected: some of the tags name another manifest and are protected; the manifest is stored all the same,
            and the other tags name it.
    """
    if len(content) > services.settings.manifest_bytes:
        raise ManifestTooLarge(services.settings.manifest_bytes)
    if len(content) > _INLINE_BYTES:
        digest, parsed = await asyncio.to_thread(_read, reference, content, content_type)
    else:
        digest, parsed = _read(reference, content, content_type)
    names = (reference, *extra_tags) if isinstance(reference, Tag) else extra_tags
    tags_once = tuple(dict.fromkeys(names))
    pushed = _Push(
        access,
        digest,
        parsed,
        content,
        tags_once,
        services.settings.sparse_manifests,
        services.settings.default_visibility,
    )
    if refused := await services.database.write(_store, pushed):
        raise TagProtected(access.repository, refused, stored=digest)
    return PushedManifest(digest, parsed.subject.digest if parsed.subject else None, tags_once)


def is_required(layer: Descriptor) -> bool:
    """A layer that its publisher may keep elsewhere need not be here (image-spec, "Non-distributable layers")."""
    return not layer.urls and not is_nondistributable(layer.media_type)


@dataclass(frozen=True, slots=True)
class _Push:
    access: Access
    digest: Digest
    manifest: Manifest
    content: bytes
    tags: tuple[Tag, ...]
    sparse: bool
    visibility: Visibility


def _read(reference: Reference, content: bytes, content_type: str | None) -> tuple[Digest, Manifest]:
    return _checked_digest(reference, content), _parsed(content, content_type)


def _checked_digest(reference: Reference, content: bytes) -> Digest:
    if isinstance(reference, Tag):
        return Digest.of(content)
    actual = Digest.of(content, reference.algorithm)
    if actual != reference:
        raise DigestMismatch(reference, actual)
    return actual


def _parsed(content: bytes, content_type: str | None) -> Manifest:
    manifest = parse_manifest(content, content_type)
    named = len(manifest.layers) + len(manifest.manifests)
    if named > limits.MANIFEST_REFERENCES:
        raise ManifestInvalid(f"it names {named} descriptors; {limits.MANIFEST_REFERENCES} are the most")
    return manifest


def _store(tx: Transaction, push: _Push) -> list[Tag]:
    """Store the manifest and move its tags; those that are protected from it."""
    moment = now()
    repository = tx.repositories.ensure(
        push.access.repository, moment, push.visibility, may_make_namespace=push.access.may_make_namespace
    )
    lacking = manifest_rows.lacking(tx, repository.id, push.manifest)
    _require(push, lacking)
    before = tx.manifests.find(repository.id, push.digest)
    row = manifest_rows.row(
        push.manifest, push.digest, push.content, lacking=lacking, pushed_at=moment, pushed_by=push.access.actor
    )
    stored, _ = tx.manifests.put(repository.id, row)
    tx.manifests.lease(stored.id, lease_from(moment))
    tx.repositories.touch(repository.id, moment)
    about = events.About(push.access, moment)
    if before is None or before.media_type != push.manifest.media_type:
        events.record(tx, EventKind.MANIFEST_PUSHED, about, digest=push.digest)
    return tags.move(tx, repository.id, push.tags, push.digest, about=about)


def _require(push: _Push, lacking: set[Digest]) -> None:
    manifest = push.manifest
    config = (manifest.config,) if manifest.config is not None else ()
    required = (*config, *filter(is_required, manifest.layers), *manifest.manifests)
    missing = [descriptor.digest for descriptor in required if descriptor.digest in lacking]
    if missing and not push.sparse:
        raise ManifestBlobUnknown(push.access.repository, tuple(dict.fromkeys(missing)))
