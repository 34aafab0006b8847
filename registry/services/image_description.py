"""What is in one tag's image, told to people: how it runs on each platform, its layers, and how it was built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import msgspec

from oci_spec.descriptor import Platform
from oci_spec.digest import Digest
from oci_spec.image_config import ImageConfig
from oci_spec.manifest import ManifestKind
from oci_spec.reference import RepositoryName, Tag
from registry import limits
from registry.auth.access import Access
from registry.errors import ManifestUnknown, RepositoryUnknown
from registry.metadata.rows import LinkedBlob, ManifestEntry, ManifestRow, ReferenceRole, TagDetail
from registry.metadata.transaction import Transaction
from registry.services import manifest_tree
from registry.services.context import Services
from registry.services.image_configs import platform_of
from registry.services.inspection import ListedTag
from registry.services.manifest_tree import ManifestRole


class DescribedManifest(msgspec.Struct, frozen=True):
    """A manifest that a tag leads to, and what is in it.

    `size` adds the manifest, its config and its layers. `configuration` is None for what is no image, and where the
    configuration is absent, too large or no configuration at all. An absent manifest has no layers here.
    """

    role: ManifestRole
    digest: Digest
    media_type: str
    artifact_type: str | None
    size: int
    present: bool
    platform: Platform | None
    configuration: ImageConfig | None
    layers: tuple[ManifestEntry, ...]


class DescribedTag(msgspec.Struct, frozen=True):
    """A tag as a list shows it, and all manifests that it leads to: one, or those of its index.

    `complete` is False where there are more manifests or layers than one answer describes.
    """

    listed: ListedTag
    annotations: Mapping[str, str]
    subject: Digest | None
    manifests: tuple[DescribedManifest, ...]
    complete: bool


async def tag(services: Services, access: Access, name: Tag) -> DescribedTag:
    """All about what `name` names now.

    Raises:
        RepositoryUnknown: nothing was ever pushed there.
        ManifestUnknown: the repository has no such tag.
    """
    found = await services.database.read(_find, access.repository, name)
    configurations = await services.image_configs.read(services.store, found.configs)
    manifests = tuple(_described(found, leaf, configurations) for leaf in found.leaves)
    return DescribedTag(
        listed=ListedTag(found.detail, _platforms(manifests)),
        annotations=found.row.annotations or {},
        subject=found.row.subject,
        manifests=manifests,
        complete=found.complete,
    )


class _Leaf(msgspec.Struct, frozen=True):
    """A manifest as its index names it, and its own entries; it stands for itself where no index names it."""

    entry: ManifestEntry
    entries: Sequence[ManifestEntry]

    @property
    def config(self) -> ManifestEntry | None:
        """The image configuration that can be described."""
        is_image = manifest_tree.role(self.entry) is ManifestRole.IMAGE
        return manifest_tree.config(self.entries) if is_image else None


class _Found(msgspec.Struct, frozen=True):
    """A tag as the database tells it; `blobs` are those that the repository links and that the description is about."""

    detail: TagDetail
    row: ManifestRow
    leaves: list[_Leaf]
    blobs: Mapping[Digest, LinkedBlob]
    complete: bool

    @property
    def configs(self) -> Iterator[LinkedBlob]:
        """The configurations that there are, in the order of the images."""
        named = (leaf.config.digest for leaf in self.leaves if leaf.config is not None)
        return (self.blobs[digest] for digest in named if digest in self.blobs)


def _find(tx: Transaction, name: RepositoryName, tag: Tag) -> _Found:
    repository = tx.repositories.find(name)
    if repository is None:
        raise RepositoryUnknown(name)
    detail = tx.tags.detail(repository.id, tag)
    row = tx.manifests.find(repository.id, detail.digest) if detail is not None else None
    if detail is None or row is None:
        raise ManifestUnknown(name, tag)
    leaves, complete = _leaves(tx, row)
    configs = [leaf.config.digest for leaf in leaves if leaf.config is not None]
    # What an older build cache lists are blobs, which are not absent for being no manifests.
    listed_blobs = [leaf.entry.digest for leaf in leaves if leaf.entry.manifest_id is None]
    return _Found(detail, row, leaves, tx.blobs.linked_among(repository.id, [*configs, *listed_blobs]), complete)


def _leaves(tx: Transaction, row: ManifestRow) -> tuple[list[_Leaf], bool]:
    """What the manifest leads to, and whether that is all."""
    tree = manifest_tree.grow(
        tx,
        [row.id],
        tuple(ReferenceRole),
        follow=lambda _: True,
        width=limits.DESCRIBED_ENTRIES + 1,
        room=limits.DESCRIBED_MANIFESTS,
    )
    found = manifest_tree.leaves(tree, row.id) if row.kind is ManifestKind.INDEX else iter([_as_entry(row)])
    entries = list(islice(found, limits.DESCRIBED_MANIFESTS + 1))
    # Of a manifest that was too much to look at, nothing is told but that there is more.
    leaves = [
        _Leaf(entry, tree[entry.manifest_id] if entry.manifest_id is not None else ())
        for entry in entries[: limits.DESCRIBED_MANIFESTS]
        if entry.manifest_id is None or entry.manifest_id in tree
    ]
    cut = any(len(held) > limits.DESCRIBED_ENTRIES for held in tree.values())
    return leaves, len(leaves) == len(entries) and not cut


def _as_entry(row: ManifestRow) -> ManifestEntry:
    return ManifestEntry(
        parent_id=row.id,
        role=ReferenceRole.MANIFEST,
        digest=row.digest,
        media_type=row.media_type,
        size=row.size,
        platform=None,
        manifest_id=row.id,
        kind=row.kind,
        artifact_type=row.artifact_type,
        config_media_type=row.config_media_type,
    )


def _described(found: _Found, leaf: _Leaf, configurations: Mapping[Digest, ImageConfig]) -> DescribedManifest:
    entry = leaf.entry
    role = manifest_tree.role(entry)
    configuration = configurations.get(leaf.config.digest) if leaf.config is not None else None
    return DescribedManifest(
        role=role,
        digest=entry.digest,
        media_type=entry.media_type,
        artifact_type=manifest_tree.artifact_type(entry.artifact_type, entry.config_media_type),
        size=entry.size + sum(held.size for held in leaf.entries if held.role is not ReferenceRole.MANIFEST),
        present=entry.manifest_id is not None or entry.digest in found.blobs,
        platform=None if role is ManifestRole.ATTESTATION else entry.platform or platform_of(configuration),
        configuration=configuration,
        layers=tuple(held for held in leaf.entries if held.role is ReferenceRole.LAYER),
    )


def _platforms(manifests: Iterable[DescribedManifest]) -> tuple[Platform, ...]:
    images = (found for found in manifests if found.role is ManifestRole.IMAGE and found.present)
    return tuple(dict.fromkeys(found.platform for found in images if found.platform is not None))
