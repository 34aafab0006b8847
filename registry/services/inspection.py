"""What is in the registry, told to people: repositories and their tags, a page at a time, in an order of their choice.

Listing is indexed queries; it reads stored bytes only to learn the platform of an image that no index names, once per
image and process. What is in one image tells `image_description`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

import msgspec
from msgspec.structs import replace

from oci_spec.descriptor import Platform
from oci_spec.digest import Digest
from oci_spec.manifest import ManifestKind
from oci_spec.reference import RepositoryName
from registry import limits
from registry.auth.access import Access
from registry.auth.subject import Subject
from registry.errors import RepositoryUnknown
from registry.metadata.repository_values import RepositoryPage
from registry.metadata.rows import (
    LinkedBlob,
    ManifestEntry,
    Position,
    ReferenceRole,
    RepositorySearch,
    RepositorySummary,
    TagDetail,
    TagSearch,
)
from registry.metadata.transaction import Transaction
from registry.metadata.visible import Visible
from registry.services import manifest_tree
from registry.services.context import Services
from registry.services.manifest_tree import ManifestRole, Tree


class ShownRepository(msgspec.Struct, frozen=True):
    """A repository as lists show it, and all of its description."""

    summary: RepositorySummary
    description: str


class ListedTag(msgspec.Struct, frozen=True):
    """A tag and the platforms that what it names runs on, in the order of its index."""

    detail: TagDetail
    platforms: tuple[Platform, ...]

    @property
    def artifact_type(self) -> str | None:
        """What kind of artifact it names, None for images."""
        return manifest_tree.artifact_type(self.detail.artifact_type, self.detail.config_media_type)


class TagPage(msgspec.Struct, frozen=True):
    """Some of the `total` tags that were searched for, and after which the next page begins (None: no more)."""

    tags: list[ListedTag]
    total: int
    after: Position | None


async def repositories(services: Services, subject: Subject, search: RepositorySearch) -> RepositoryPage:
    """Up to `search.limit` of the repositories that `subject` may pull from, within the configured bound."""
    search = replace(search, limit=min(search.limit, services.settings.page_entries))
    return await services.database.read(_search, search, await services.policy.visible(subject))


async def repository(services: Services, access: Access) -> ShownRepository:
    """The repository itself.

    Raises:
        RepositoryUnknown: nothing was ever pushed there.
    """
    return await services.database.read(_summarise, access.repository)


async def tags(services: Services, access: Access, search: TagSearch) -> TagPage:
    """Up to `search.limit` of the repository's tags, within the configured bound.

    Raises:
        RepositoryUnknown: nothing was ever pushed there.
    """
    search = replace(search, limit=min(search.limit, services.settings.page_entries))
    listing = await services.database.read(_list_tags, access.repository, search)
    named = await services.image_configs.platforms(services.store, listing.configs.values())
    page = listing.details[: search.limit]
    listed = [ListedTag(detail, _resolved(listing.platforms[detail.manifest_id], named)) for detail in page]
    after = page[-1].position(search.sort) if len(listing.details) > len(page) else None
    return TagPage(listed, listing.total, after)


class _Listing(msgspec.Struct, frozen=True):
    """Tags as the database tells them, one more than the page has if there is one.

    `platforms` says by manifest where it runs; the digest of a configuration stands for the platform that it names.
    """

    details: list[TagDetail]
    total: int
    platforms: Mapping[int, list[Platform | Digest]]
    configs: Mapping[Digest, LinkedBlob]


def _search(tx: Transaction, search: RepositorySearch, visible: Visible) -> RepositoryPage:
    return tx.repositories.page(search, visible)


def _summarise(tx: Transaction, name: RepositoryName) -> ShownRepository:
    found = tx.repositories.find(name)
    if found is None:
        raise RepositoryUnknown(name)
    return ShownRepository(tx.repositories.summary(found), tx.repositories.description(found.id))


def _list_tags(tx: Transaction, name: RepositoryName, search: TagSearch) -> _Listing:
    repository = tx.repositories.find(name)
    if repository is None:
        raise RepositoryUnknown(name)
    details = tx.tags.details(repository.id, replace(search, limit=search.limit + 1))
    platforms = _platforms(tx, details)
    configs = {item for items in platforms.values() for item in items if isinstance(item, Digest)}
    total = tx.tags.count(repository.id, search)
    return _Listing(details, total, platforms, tx.blobs.linked_among(repository.id, configs))


def _platforms(tx: Transaction, details: Iterable[TagDetail]) -> dict[int, list[Platform | Digest]]:
    by_id = {detail.manifest_id: detail for detail in details}
    tree = manifest_tree.grow(
        tx,
        by_id,
        (ReferenceRole.CONFIG, ReferenceRole.MANIFEST),
        # Where an index names the platform, nothing has to be asked about the image itself.
        follow=lambda entry: entry.platform is None or entry.kind is ManifestKind.INDEX,
        width=limits.LISTED_PLATFORMS,
        room=limits.LISTED_MANIFESTS,
    )
    return {manifest_id: list(_platforms_of(detail, tree)) for manifest_id, detail in by_id.items()}


def _platforms_of(detail: TagDetail, tree: Tree) -> Iterator[Platform | Digest]:
    if detail.kind is ManifestKind.IMAGE:
        if manifest_tree.artifact_type(detail.artifact_type, detail.config_media_type) is None:
            yield from _named_by_config(tree[detail.manifest_id])
        return
    for entry in islice(manifest_tree.leaves(tree, detail.manifest_id), limits.LISTED_PLATFORMS):
        if entry.manifest_id is None or manifest_tree.role(entry) is not ManifestRole.IMAGE:
            continue
        if entry.platform is not None:
            yield entry.platform
        else:
            yield from _named_by_config(tree.get(entry.manifest_id, ()))


def _named_by_config(entries: Iterable[ManifestEntry]) -> Iterator[Digest]:
    config = manifest_tree.config(entries)
    if config is not None:
        yield config.digest


def _resolved(platforms: Iterable[Platform | Digest], named: Mapping[Digest, Platform]) -> tuple[Platform, ...]:
    found = (named.get(item) if isinstance(item, Digest) else item for item in platforms)
    return tuple(dict.fromkeys(platform for platform in found if platform is not None))
