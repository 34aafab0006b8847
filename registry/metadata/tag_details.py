"""The listing of current tags with the manifests they name, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, func, literal, select

from oci_spec.manifest import ManifestKind
from oci_spec.reference import Tag
from registry.metadata.rows import NEVER, Direction, ReferenceRole, TagDetail, TagSearch, TagSort
from registry.metadata.schema import manifest, manifest_reference, tag, tag_pulls
from registry.metadata.statements import Runner, contains, past, to_digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from sqlalchemy import ColumnElement, ScalarSelect, Select

_CHILD = manifest.alias("child")
_CHILD_REFERENCE = manifest_reference.alias("child_reference")
_BLOB_ROLES = (ReferenceRole.CONFIG, ReferenceRole.LAYER)


def details(runner: Runner, repository_id: int, search: TagSearch) -> list[TagDetail]:
    """Give one page of the current tags of a repository that `search` describes, in its order."""
    key = _SORTS[search.sort]
    order = (key.desc() if search.direction is Direction.DESCENDING else key.asc(), tag.c.name)
    page = _matching(select(tag.c.id), repository_id, search)
    if search.sort is TagSort.SIZE:
        page = page.join_from(tag, manifest, _NAMED)
    if search.after is not None:
        page = page.where(past(search.after, key, tag.c.name, search.direction))
    # The page is chosen before its manifests are looked at: to sort whole details would be to make those of all tags.
    chosen = [row[0] for row in runner.rows(page.order_by(*order).limit(search.limit))]
    described = {row[0]: _to_detail(row[1:]) for row in runner.rows(_DETAILS.where(tag.c.id.in_(chosen)))}
    return [described[tag_id] for tag_id in chosen]


def detail(runner: Runner, repository_id: int, name: Tag) -> TagDetail | None:
    """Give the tag `name` of a repository if it exists now."""
    row = runner.row(_DETAILS.where(*_current(repository_id), tag.c.name == str(name)))
    return None if row is None else _to_detail(row[1:])


def count(runner: Runner, repository_id: int, search: TagSearch) -> int:
    """Count all current tags of a repository that `search` describes, whatever its page."""
    counted: int = runner.value(_matching(select(func.count()).select_from(tag), repository_id, search))
    return counted


def _matching(query: Select[Any], repository_id: int, search: TagSearch) -> Select[Any]:
    query = query.where(*_current(repository_id))
    return query.where(contains(tag.c.name, search.text)) if search.text else query


def _current(repository_id: int) -> tuple[ColumnElement[bool], ...]:
    return tag.c.repository_id == repository_id, tag.c.valid_until.is_(None)


def _to_detail(row: Sequence[Any]) -> TagDetail:
    return TagDetail(
        digest=to_digest(row),
        name=Tag.parse(row[2]),
        manifest_id=row[3],
        media_type=row[4],
        kind=ManifestKind(row[5]),
        artifact_type=row[6],
        config_media_type=row[7],
        size=int(row[8]),
        pushed_at=row[9],
        pushed_by=row[10],
        pulled_at=row[11],
        pulls=row[12],
    )


def _own_blobs() -> ScalarSelect[Any]:
    query = select(func.coalesce(func.sum(manifest_reference.c.size), 0))
    return (
        query.where(manifest_reference.c.manifest_id == manifest.c.id, manifest_reference.c.role.in_(_BLOB_ROLES))
        .correlate(manifest)
        .scalar_subquery()
    )


def _child_manifests() -> ScalarSelect[Any]:
    return _of_children(select(func.coalesce(func.sum(_CHILD.c.size), 0))).scalar_subquery()


def _child_blobs() -> ScalarSelect[Any]:
    query = _of_children(select(func.coalesce(func.sum(_CHILD_REFERENCE.c.size), 0)))
    blobs = and_(_CHILD_REFERENCE.c.manifest_id == _CHILD.c.id, _CHILD_REFERENCE.c.role.in_(_BLOB_ROLES))
    return query.join(_CHILD_REFERENCE, blobs).scalar_subquery()


def _of_children(query: Select[Any]) -> Select[Any]:
    named = and_(
        _CHILD.c.repository_id == manifest_reference.c.repository_id,
        _CHILD.c.algorithm == manifest_reference.c.algorithm,
        _CHILD.c.digest == manifest_reference.c.digest,
    )
    return (
        query.select_from(manifest_reference)
        .join(_CHILD, named)
        .where(
            manifest_reference.c.manifest_id == manifest.c.id,
            manifest_reference.c.role == ReferenceRole.MANIFEST,
        )
        .correlate(manifest)
    )


_NAMED = and_(
    manifest.c.repository_id == tag.c.repository_id,
    manifest.c.algorithm == tag.c.algorithm,
    manifest.c.digest == tag.c.digest,
)
_SIZE = manifest.c.size + _own_blobs() + _child_manifests() + _child_blobs()
_PULLS = func.coalesce(
    select(tag_pulls.c.pulls)
    .where(tag_pulls.c.repository_id == tag.c.repository_id, tag_pulls.c.name == tag.c.name)
    .scalar_subquery(),
    0,
)
_DETAILS = select(
    tag.c.id,
    manifest.c.algorithm,
    manifest.c.digest,
    tag.c.name,
    manifest.c.id,
    manifest.c.media_type,
    manifest.c.kind,
    manifest.c.artifact_type,
    manifest.c.config_media_type,
    _SIZE.label("total"),
    tag.c.valid_from,
    tag.c.actor,
    tag.c.pulled_at,
    _PULLS,
).join_from(tag, manifest, _NAMED)
_SORTS: dict[TagSort, ColumnElement[Any]] = {
    TagSort.NAME: tag.c.name,
    TagSort.PUSHED: tag.c.valid_from,
    TagSort.PULLED: func.coalesce(tag.c.pulled_at, literal(NEVER, tag.c.pulled_at.type)),
    TagSort.PULLS: _PULLS,
    TagSort.SIZE: _SIZE,
}
