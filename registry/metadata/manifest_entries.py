"""What manifests hold, for those who describe them: many manifests in one query, and what their children are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, case, func, select

from oci_spec.manifest import ManifestKind
from registry import limits
from registry.metadata.platforms import decode_platform
from registry.metadata.rows import ManifestEntry, ReferenceRole
from registry.metadata.schema import manifest, manifest_reference
from registry.metadata.statements import Runner, to_digest

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any

_CHILD = manifest.alias("child")
_NAMED = and_(
    manifest_reference.c.role == ReferenceRole.MANIFEST,
    _CHILD.c.repository_id == manifest_reference.c.repository_id,
    _CHILD.c.algorithm == manifest_reference.c.algorithm,
    _CHILD.c.digest == manifest_reference.c.digest,
)
# A platform's text is whatever was pushed; what no platform needs stays in the database.
_PLATFORM = case(
    (func.length(manifest_reference.c.platform) <= limits.PLATFORM_CHARACTERS, manifest_reference.c.platform)
)
_ENTRIES = (
    select(
        manifest_reference.c.algorithm,
        manifest_reference.c.digest,
        manifest_reference.c.manifest_id,
        manifest_reference.c.role,
        manifest_reference.c.media_type,
        manifest_reference.c.size,
        _PLATFORM,
        _CHILD.c.id,
        _CHILD.c.kind,
        _CHILD.c.artifact_type,
        _CHILD.c.config_media_type,
    )
    .select_from(manifest_reference.outerjoin(_CHILD, _NAMED))
    .where(
        manifest_reference.c.manifest_id.in_(bindparam("manifest_ids", expanding=True)),
        manifest_reference.c.position < bindparam("width"),
        manifest_reference.c.role.in_(bindparam("roles", expanding=True)),
    )
    .order_by(manifest_reference.c.manifest_id, manifest_reference.c.position)
)


def entries(
    runner: Runner, manifest_ids: Collection[int], roles: Collection[ReferenceRole], width: int
) -> list[ManifestEntry]:
    """Give those of the first `width` entries of each manifest that have one of `roles`, in the manifests' order."""
    values = {"manifest_ids": sorted(manifest_ids), "roles": sorted(roles), "width": width}
    return [_to_entry(row) for row in runner.rows(_ENTRIES, values)]


def _to_entry(row: Sequence[Any]) -> ManifestEntry:
    return ManifestEntry(
        digest=to_digest(row),
        parent_id=row[2],
        role=ReferenceRole(row[3]),
        media_type=row[4],
        size=row[5],
        platform=decode_platform(row[6]),
        manifest_id=row[7],
        kind=None if row[8] is None else ManifestKind(row[8]),
        artifact_type=row[9],
        config_media_type=row[10],
    )
