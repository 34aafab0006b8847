"""What tags lead to: the manifests that they name and, through indexes and indexes in those, those for each platform.

An index may be as wide, as deep and as often repeated as its author likes, so all of it is looked at level by level,
a query each, and every manifest once; what is too much is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from enum import StrEnum
from typing import TypeAlias

from oci_spec.descriptor import Platform
from oci_spec.manifest import ManifestKind
from oci_spec.media_types import IMAGE_CONFIG_TYPES, INDEX_TYPES, MANIFEST_TYPES
from registry import limits
from registry.metadata.rows import ManifestEntry, ReferenceRole
from registry.metadata.transaction import Transaction

Tree: TypeAlias = dict[int, list[ManifestEntry]]
"""The entries of each manifest that was looked at, by the manifest's own key."""

_UNKNOWN = "unknown"


class ManifestRole(StrEnum):
    """What a manifest that a tag leads to is for."""

    IMAGE = "image"
    ARTIFACT = "artifact"
    ATTESTATION = "attestation"
    """What a build says about an image beside it: listed by an index under the platform unknown/unknown."""
    INDEX = "index"
    """An index that is absent."""
    BLOB = "blob"
    """No manifest at all: older build caches are indexes of layers."""


def grow(
    tx: Transaction,
    roots: Collection[int],
    roles: Collection[ReferenceRole],
    *,
    follow: Callable[[ManifestEntry], bool],
    width: int,
    room: int,
) -> Tree:
    """The tree below the manifests `roots`: up to `width` entries of each manifest, and up to `room` manifests."""
    tree: Tree = {}
    level = list(dict.fromkeys(roots))
    for _ in range(limits.INDEX_DEPTH + 1):
        tree.update((manifest_id, []) for manifest_id in level)
        found = tx.manifests.entries(level, roles, width)
        for entry in found:
            tree[entry.parent_id].append(entry)
        following = (entry.manifest_id for entry in found if entry.manifest_id is not None and follow(entry))
        level = [manifest_id for manifest_id in dict.fromkeys(following) if manifest_id not in tree]
        level = level[: max(room - len(tree), 0)]
        if not level:
            break
    return tree


def leaves(tree: Tree, index_id: int) -> Iterator[ManifestEntry]:
    """What an index leads to, in its order, with the entries of nested indexes in their places."""
    return _leaves(tree, index_id, {index_id})


def _leaves(tree: Tree, index_id: int, seen: set[int]) -> Iterator[ManifestEntry]:
    for entry in tree[index_id]:
        if entry.role is not ReferenceRole.MANIFEST:
            continue
        if entry.kind is not ManifestKind.INDEX or entry.manifest_id not in tree:
            yield entry
        elif entry.manifest_id not in seen:
            # An index that stands in several places leads to the same manifests in each of them.
            seen.add(entry.manifest_id)
            yield from _leaves(tree, entry.manifest_id, seen)


def config(entries: Iterable[ManifestEntry]) -> ManifestEntry | None:
    """The image configuration among the entries of a manifest; None when it has none, or that of an artifact."""
    return next((entry for entry in entries if entry.media_type in IMAGE_CONFIG_TYPES and _is_config(entry)), None)


def role(entry: ManifestEntry) -> ManifestRole:
    """What the manifest that `entry` names is for, as far as its index and its own row tell."""
    if entry.platform is not None and is_unknown(entry.platform):
        return ManifestRole.ATTESTATION
    if entry.kind is None and entry.media_type not in MANIFEST_TYPES:
        return ManifestRole.BLOB
    if entry.kind is ManifestKind.INDEX or (entry.kind is None and entry.media_type in INDEX_TYPES):
        return ManifestRole.INDEX
    is_artifact = artifact_type(entry.artifact_type, entry.config_media_type) is not None
    return ManifestRole.ARTIFACT if is_artifact else ManifestRole.IMAGE


def artifact_type(named: str | None, config_media_type: str | None) -> str | None:
    """What kind of artifact a manifest is: the type that it names, else that of a configuration that is no image's."""
    return named or (None if config_media_type in IMAGE_CONFIG_TYPES else config_media_type)


def is_unknown(platform: Platform) -> bool:
    """Whether this is the platform of what does not run."""
    return platform.os == _UNKNOWN and platform.architecture == _UNKNOWN


def _is_config(entry: ManifestEntry) -> bool:
    return entry.role is ReferenceRole.CONFIG
