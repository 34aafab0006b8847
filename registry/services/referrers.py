"""Which manifests refer to a subject (distribution-spec, "Listing Referrers")."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
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

    An unknown subject, or a repository that does not exist yet, has no referrers; that is an answer, not an error.
    The first page also holds what clients without this API recorded in the subject's fallback tag.
    """
    tagged = []
    if after is None:
        tagged = await services.database.read(_fallback, access.repository, digest, artifact_types)
    size = services.settings.page_entries
    recorded = await services.database.read(
        _recorded, access.repository, digest, artifact_types, after=after, limit=size + 1
    )
    fitting = _fitting(recorded[:size], limits.REFERRERS_BYTES - sum(len(_json(row)) for row in tagged))
    index = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [_descriptor(row) for row in (*tagged, *fitting)],
    }
    more = len(fitting) < len(recorded)
    return ReferrersPage(json.dumps(index).encode(), fitting[-1].digest if more else None)


def _recorded(
    tx: Transaction,
    repository: RepositoryName,
    digest: Digest,
    artifact_types: tuple[str, ...],
    *,
    after: Digest | None,
    limit: int,
) -> list[Referrer]:
    row = tx.repositories.find(repository)
    return tx.manifests.referrers(row.id, digest, artifact_types, after, limit=limit) if row is not None else []


def _fallback(
    tx: Transaction, repository: RepositoryName, subject: Digest, artifact_types: tuple[str, ...]
) -> list[Referrer]:
    row = tx.repositories.find(repository)
    if row is None:
        return []
    return [
        referrer
        for referrer in _tagged(tx, row.id, subject)
        if not artifact_types or referrer.artifact_type in artifact_types
    ]


def _tagged(tx: Transaction, repository_id: int, subject: Digest) -> Iterator[Referrer]:
    """Referrers that only the fallback tag's index knows: manifests here that name no subject of their own.

    Those that do name one are in the table since their push, so they need no second look ("Referrers Tag Schema").
    """
    tag = tx.tags.current(repository_id, fallback_tag(subject))
    index = tx.manifests.find(repository_id, tag.digest) if tag is not None else None
    if index is None or index.kind is not ManifestKind.INDEX:
        return
    for child in tx.manifests.references(index.id)[: limits.FALLBACK_REFERRERS]:
        row = tx.manifests.find(repository_id, child.digest)
        if row is not None and row.subject is None:
            artifact_type = row.artifact_type or row.config_media_type
            yield Referrer(row.digest, row.media_type, row.size, artifact_type, row.annotations)


def _fitting(rows: list[Referrer], room: int) -> list[Referrer]:
    """As many of `rows` as fit into `room` bytes of JSON, at least one: else no page would ever move on."""
    for index, row in enumerate(rows):
        room -= len(_json(row))
        if room < 0 and index > 0:
            return rows[:index]
    return rows


def _json(row: Referrer) -> str:
    return json.dumps(_descriptor(row))


def _descriptor(row: Referrer) -> dict[str, Any]:
    descriptor: dict[str, Any] = {"mediaType": row.media_type, "digest": str(row.digest), "size": row.size}
    if row.artifact_type:
        descriptor["artifactType"] = row.artifact_type
    if row.annotations:
        descriptor["annotations"] = row.annotations
    return descriptor
