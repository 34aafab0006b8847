"""Which manifests refer to a subject (distribution-spec, "Listing Referrers")."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from typing import Any

from oci_spec.digest import Digest
from oci_spec.manifest import ManifestKind
from oci_spec.media_types import OCI_INDEX
from oci_spec.reference import RepositoryName, fallback_tag
from registry import limits
from registry.auth.access import Access
from registry.metadata.rows import Referrer
from registry.metadata.transaction import Transaction
from registry.services.context import Services

_BEFORE = f'{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":['.encode()
_AFTER = b"]}"
# A row brings its annotations, up to a whole manifest of them: many rows at once could fill the memory.
_ROWS_PER_QUERY = 25


@dataclass(frozen=True, slots=True)
class ReferrersPage:
    """An image index of referrers as JSON, and the digest after which the next page begins (None: no more)."""

    content: bytes
    after: Digest | None


async def page(
    services: Services,
    access: Access,
    digest: Digest,
    *,
    artifact_types: tuple[str, ...] = (),
    after: Digest | None = None,
) -> ReferrersPage:
    """The manifests of the repository whose subject is `digest`, of one of `artifact_types` if any are given.

    They come in the order of their digests, and with them what clients without this API recorded in the subject's
    fallback tag. An unknown subject, or a repository that does not exist yet, has none; that is no error.
    """
    wanted = _Wanted(access.repository, digest, artifact_types, after)
    return await services.database.read(_page, wanted, services.settings.page_entries)


@dataclass(frozen=True, slots=True)
class _Wanted:
    repository: RepositoryName
    subject: Digest
    artifact_types: tuple[str, ...]
    after: Digest | None


def _page(tx: Transaction, wanted: _Wanted, entries: int) -> ReferrersPage:
    row = tx.repositories.find(wanted.repository)
    if row is None:
        return ReferrersPage(_BEFORE + _AFTER, None)
    found = merge(_recorded(tx, row.id, wanted), _tagged(tx, row.id, wanted), key=lambda referrer: referrer.digest)
    return _filled(found, entries)


def _recorded(tx: Transaction, repository_id: int, wanted: _Wanted) -> Iterator[Referrer]:
    """Referrers that name the subject themselves, in the order of their digests."""
    after = wanted.after
    while True:
        rows = tx.manifests.referrers(
            repository_id, wanted.subject, wanted.artifact_types, after, limit=_ROWS_PER_QUERY
        )
        yield from rows
        if len(rows) < _ROWS_PER_QUERY:
            return
        after = rows[-1].digest


def _tagged(tx: Transaction, repository_id: int, wanted: _Wanted) -> Iterator[Referrer]:
    """Referrers that only the fallback tag's index knows: manifests here that name no subject, in the same order.

    Those that do name one are in the table since their push, so they need no second look ("Referrers Tag Schema").
    """
    tag = tx.tags.current(repository_id, fallback_tag(wanted.subject))
    index = tx.manifests.find(repository_id, tag.digest) if tag is not None else None
    if index is None or index.kind is not ManifestKind.INDEX:
        return
    listed = {child.digest for child in tx.manifests.references(index.id)[: limits.FALLBACK_REFERRERS]}
    for digest in sorted(listed):
        if wanted.after is not None and not wanted.after < digest:
            continue
        row = tx.manifests.find(repository_id, digest)
        if row is None or row.subject is not None:
            continue
        artifact_type = row.artifact_type or row.config_media_type
        if not wanted.artifact_types or artifact_type in wanted.artifact_types:
            yield Referrer(row.digest, row.media_type, row.size, artifact_type, row.annotations)


def _filled(found: Iterable[Referrer], entries: int) -> ReferrersPage:
    """A page of as many referrers as the bounds allow, but of at least one: else no page would ever move on."""
    descriptors: list[bytes] = []
    room = limits.REFERRERS_BYTES - len(_BEFORE) - len(_AFTER)
    last = None
    for referrer in found:
        descriptor = _json(referrer)
        room -= len(descriptor) + len(b",")
        if descriptors and (room < 0 or len(descriptors) == entries):
            return ReferrersPage(_index(descriptors), last)
        descriptors.append(descriptor)
        last = referrer.digest
    return ReferrersPage(_index(descriptors), None)


def _index(descriptors: list[bytes]) -> bytes:
    return _BEFORE + b",".join(descriptors) + _AFTER


def _json(referrer: Referrer) -> bytes:
    descriptor: dict[str, Any] = {
        "mediaType": referrer.media_type,
        "digest": str(referrer.digest),
        "size": referrer.size,
    }
    if referrer.artifact_type:
        descriptor["artifactType"] = referrer.artifact_type
    if referrer.annotations:
        descriptor["annotations"] = referrer.annotations
    # Not escaped to ASCII, which would make some annotations three times as long as they were pushed.
    return json.dumps(descriptor, ensure_ascii=False, separators=(",", ":")).encode()
