"""Garbage: finding what nothing holds, a stretch at a time, and removing it only if that is still so.

Whatever a push builds on, it locks until its transaction ends (`kept`). So a removal locks the rows first, passing
over those that are locked, and asks in a second statement whether they are garbage: on PostgreSQL one statement that
did both would decide by what it saw before it waited. SQLite has one writer at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import LargeBinary, String, and_, bindparam, delete, func, literal, or_, select, tuple_

from oci_spec.digest import Digest
from registry.metadata.garbage_values import Holders, LooseLink, LooseManifest, RestingBlob, removal_order
from registry.metadata.schema import blob, link, manifest, manifest_lease, manifest_reference, tag, upload
from registry.metadata.statements import Runner, Variants, has_some_digest, some_digests_values, to_digest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import Any

    from sqlalchemy import BindParameter, ColumnElement, Select, Table

    from registry.metadata.garbage_values import GarbageTerms
    from registry.metadata.rows import Repository

_IDS_PER_QUERY = 500


def _these(column: ColumnElement[Any]) -> ColumnElement[bool]:
    these: BindParameter[Any] = bindparam("these", expanding=True)
    return column.in_(these)


def _free_to_remove(query: Select[Any], of: Table) -> Variants:
    """Lock the rows of `of` against everybody, but for those that somebody else holds."""
    locking = query.with_for_update(skip_locked=True, of=of)
    return Variants(query, locking, query)


def _there_is(table: Table, *conditions: ColumnElement[bool], beside: Sequence[Table]) -> ColumnElement[bool]:
    """Say that a row of `table` meets the conditions, which are about it and the rows of `beside`.

    Asked as EXISTS, PostgreSQL may read the whole table for every stretch, since it does not count with the limit.
    """
    found = select(literal(1)).select_from(table).where(*conditions).limit(literal(1)).correlate(*beside)
    return found.scalar_subquery().is_not(None)


_OLDEST_SESSION = select(func.min(upload.c.started_at)).where(
    upload.c.repository == bindparam("name"), upload.c.expires_at > bindparam("moment")
)

_TAG_OF_MANIFEST = and_(
    tag.c.repository_id == manifest.c.repository_id,
    tag.c.algorithm == manifest.c.algorithm,
    tag.c.digest == manifest.c.digest,
)
_LOOSE = and_(
    manifest.c.pushed_at < bindparam("before"),
    or_(manifest.c.pulled_at.is_(None), manifest.c.pulled_at < bindparam("before")),
    ~_there_is(
        manifest_lease,
        manifest_lease.c.manifest_id == manifest.c.id,
        manifest_lease.c.lease_until >= bindparam("lease_before"),
        beside=(manifest,),
    ),
    ~_there_is(tag, _TAG_OF_MANIFEST, tag.c.valid_until.is_(None), beside=(manifest,)),
    ~_there_is(
        tag,
        _TAG_OF_MANIFEST,
        tag.c.valid_until.is_not(None),
        tag.c.valid_until >= bindparam("before"),
        beside=(manifest,),
    ),
)
_MANIFEST = (
    manifest.c.algorithm,
    manifest.c.digest,
    manifest.c.id,
    manifest.c.size,
    manifest.c.subject_algorithm,
    manifest.c.subject_digest,
)
_MANIFEST_STRETCH = (
    select(*_MANIFEST, _LOOSE)
    .where(
        manifest.c.repository_id == bindparam("in_repository"),
        tuple_(manifest.c.algorithm, manifest.c.digest)
        > tuple_(bindparam("after_algorithm", type_=String), bindparam("after_digest", type_=LargeBinary)),
    )
    .order_by(manifest.c.algorithm, manifest.c.digest)
    .limit(bindparam("limit"))
)
_FREE_MANIFESTS = _free_to_remove(select(manifest.c.id).where(_these(manifest.c.id)), manifest)
_LOOSE_MANIFESTS = select(*_MANIFEST).where(_these(manifest.c.id), _LOOSE)
_REMOVE_MANIFESTS = delete(manifest).where(_these(manifest.c.id))
_PARENTS = select(manifest_reference.c.algorithm, manifest_reference.c.digest, manifest_reference.c.manifest_id).where(
    manifest_reference.c.repository_id == bindparam("in_repository"), has_some_digest(manifest_reference)
)
_PRESENT = select(manifest.c.algorithm, manifest.c.digest, manifest.c.id).where(
    manifest.c.repository_id == bindparam("in_repository"), has_some_digest(manifest)
)
_REFERENCES = (
    select(manifest_reference.c.algorithm, manifest_reference.c.digest, func.count())
    .where(_these(manifest_reference.c.manifest_id))
    .group_by(manifest_reference.c.algorithm, manifest_reference.c.digest)
)
_REFERENCE_COUNTS = (
    select(manifest_reference.c.algorithm, manifest_reference.c.digest, func.count())
    .where(manifest_reference.c.repository_id == bindparam("in_repository"), has_some_digest(manifest_reference))
    .group_by(manifest_reference.c.algorithm, manifest_reference.c.digest)
)

_OVER = and_(link.c.created_at < bindparam("before"), link.c.lease_until < bindparam("lease_before"))
_REFERENCED = _there_is(
    manifest_reference,
    manifest_reference.c.repository_id == link.c.repository_id,
    manifest_reference.c.algorithm == blob.c.algorithm,
    manifest_reference.c.digest == blob.c.digest,
    beside=(link, blob),
)
_LINK = select(blob.c.algorithm, blob.c.digest, link.c.blob_id, blob.c.size)
_LINK_STRETCH = (
    _LINK.add_columns(_OVER, and_(_OVER, _REFERENCED))
    .join_from(link, blob)
    .where(link.c.repository_id == bindparam("in_repository"), link.c.blob_id > bindparam("after"))
    .order_by(link.c.blob_id)
    .limit(bindparam("limit"))
)
_THESE_LINKS = and_(link.c.repository_id == bindparam("in_repository"), _these(link.c.blob_id))
_FREE_LINKS = _free_to_remove(select(link.c.blob_id).where(_THESE_LINKS), link)
_UNREFERENCED_LINKS = _LINK.join_from(link, blob).where(_THESE_LINKS, _OVER, ~_REFERENCED)
_REMOVE_LINKS = delete(link).where(_THESE_LINKS)

_LINKED = _there_is(link, link.c.blob_id == blob.c.id, beside=(blob,))
_RESTING = blob.c.created_at < bindparam("before")
_BLOB = select(blob.c.algorithm, blob.c.digest, blob.c.id, blob.c.size, blob.c.key)
_BLOB_STRETCH = (
    _BLOB.add_columns(_RESTING, _LINKED)
    .where(blob.c.id > bindparam("after"))
    .order_by(blob.c.id)
    .limit(bindparam("limit"))
)
_LINK_COUNTS = select(link.c.blob_id, func.count()).where(_these(link.c.blob_id)).group_by(link.c.blob_id)
_FREE_BLOBS = _free_to_remove(select(blob.c.id).where(_these(blob.c.id)), blob)
_UNLINKED_BLOBS = _BLOB.where(_these(blob.c.id), _RESTING, ~_LINKED)
_REMOVE_BLOBS = delete(blob).where(_these(blob.c.id))

_NAMED_KEYS = select(blob.c.key).where(_these(blob.c.key))
_SESSION_KEYS = select(upload.c.key).where(_these(upload.c.key))


class Garbage:
    """What may go: manifests that nothing names, links to blobs that no manifest needs, blobs without a link.

    Each kind becomes garbage when the one before it goes. What is read a stretch at a time tells, beside what it found,
    where the next stretch begins; None after the last.
    """

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def loose_manifests(
        self, repository: Repository, terms: GarbageTerms, after: Digest | None, limit: int
    ) -> tuple[list[LooseManifest], Digest | None]:
        """Give those of the next `limit` manifests of a repository that are loose."""
        values = {
            **self._values(repository, terms),
            "after_algorithm": "" if after is None else after.algorithm,
            "after_digest": b"" if after is None else after.raw,
            "limit": limit,
        }
        rows = self._runner.rows(_MANIFEST_STRETCH, values)
        loose = [_to_manifest(row) for row in rows if row[6]]
        return loose, to_digest(rows[-1]) if len(rows) == limit else None

    def holders(self, repository_id: int, loose: Collection[LooseManifest]) -> dict[int, Holders]:
        """Give what holds each of these manifests of a repository, by its id."""
        numbers = {each.digest: each.id for each in loose}
        parents: dict[int, set[int]] = {}
        for values in some_digests_values(numbers):
            for row in self._runner.rows(_PARENTS, {"in_repository": repository_id, **values}):
                parents.setdefault(numbers[to_digest(row)], set()).add(row[2])
        present: dict[Digest, int] = {}
        for values in some_digests_values({each.subject for each in loose if each.subject is not None}):
            for row in self._runner.rows(_PRESENT, {"in_repository": repository_id, **values}):
                present[to_digest(row)] = row[2]
        return {
            each.id: Holders(
                frozenset(parents.get(each.id, ())), None if each.subject is None else present.get(each.subject)
            )
            for each in loose
        }

    def remove_manifests(
        self, repository: Repository, ids: Collection[int], terms: GarbageTerms
    ) -> list[LooseManifest]:
        """Remove those of these manifests that are loose and that nothing holds but each other; give those."""
        free = self._free(_FREE_MANIFESTS, ids)
        rows = self._among(_LOOSE_MANIFESTS, free, self._values(repository, terms))
        loose = [_to_manifest(row) for row in rows]
        order = removal_order(loose, self.holders(repository.id, loose))
        removed = order.trees + order.rings
        self._remove(_REMOVE_MANIFESTS, [each.id for each in removed])
        return removed

    def references(self, manifest_ids: Collection[int]) -> dict[Digest, int]:
        """Count how often each digest is referred to by these manifests."""
        counts: dict[Digest, int] = {}
        for row in self._among(_REFERENCES, manifest_ids):
            counts[to_digest(row)] = counts.get(to_digest(row), 0) + row[2]
        return counts

    def reference_counts(self, repository_id: int, digests: Collection[Digest]) -> dict[Digest, int]:
        """Count how often each of these digests is referred to by all manifests of a repository."""
        counts: dict[Digest, int] = {}
        for values in some_digests_values(digests):
            for row in self._runner.rows(_REFERENCE_COUNTS, {"in_repository": repository_id, **values}):
                counts[to_digest(row)] = row[2]
        return counts

    def loose_links(
        self, repository: Repository, terms: GarbageTerms, after: int | None, limit: int
    ) -> tuple[list[LooseLink], int | None]:
        """Give those of the next `limit` links of a repository whose lease is over."""
        values = {**self._values(repository, terms), "after": after or 0, "limit": limit}
        rows = self._runner.rows(_LINK_STRETCH, values)
        loose = [LooseLink(row[2], to_digest(row), row[3], bool(row[5])) for row in rows if row[4]]
        return loose, rows[-1][2] if len(rows) == limit else None

    def remove_links(self, repository: Repository, blob_ids: Collection[int], terms: GarbageTerms) -> list[LooseLink]:
        """Unlink those of these blobs from the repository that no lease holds and no manifest needs; give those."""
        values = self._values(repository, terms)
        free = self._free(_FREE_LINKS, blob_ids, values)
        removed = [
            LooseLink(row[2], to_digest(row), row[3], referenced=False)
            for row in self._among(_UNREFERENCED_LINKS, free, values)
        ]
        self._remove(_REMOVE_LINKS, [each.blob_id for each in removed], values)
        return removed

    def resting_blobs(self, terms: GarbageTerms, after: int | None, limit: int) -> tuple[list[RestingBlob], int | None]:
        """Give those of the next `limit` blobs that came long enough ago."""
        rows = self._runner.rows(_BLOB_STRETCH, {"before": terms.before, "after": after or 0, "limit": limit})
        resting = [_to_blob(row, linked=bool(row[6])) for row in rows if row[5]]
        return resting, rows[-1][2] if len(rows) == limit else None

    def link_counts(self, blob_ids: Collection[int]) -> dict[int, int]:
        """Count the repositories that link each of these blobs; one that none links is not named."""
        return {row[0]: row[1] for row in self._among(_LINK_COUNTS, blob_ids)}

    def remove_blobs(self, ids: Collection[int], terms: GarbageTerms) -> list[RestingBlob]:
        """Remove those of these blobs that no repository links; give those, whose bytes are still to be removed."""
        values = {"before": terms.before}
        free = self._free(_FREE_BLOBS, ids)
        removed = [_to_blob(row, linked=False) for row in self._among(_UNLINKED_BLOBS, free, values)]
        self._remove(_REMOVE_BLOBS, [each.id for each in removed])
        return removed

    def named_keys(self, keys: Collection[str]) -> set[str]:
        """Give those of these keys of stored objects under which a blob's bytes are."""
        return {row[0] for row in self._among(_NAMED_KEYS, keys)}

    def session_keys(self, keys: Collection[str]) -> set[str]:
        """Give those of these keys of uploads that an upload session has."""
        return {row[0] for row in self._among(_SESSION_KEYS, keys)}

    def _values(self, repository: Repository, terms: GarbageTerms) -> dict[str, Any]:
        # A push may go on for longer than the leases it was given: what it may still build on was leased when its
        # oldest open session began, or later.
        oldest = self._runner.value(_OLDEST_SESSION, {"name": str(repository.name), "moment": terms.moment})
        lease_before = terms.moment if oldest is None else min(oldest, terms.moment)
        return {"in_repository": repository.id, "before": terms.before, "lease_before": lease_before}

    def _free(self, query: Variants, ids: Collection[int], values: dict[str, Any] | None = None) -> list[int]:
        return [row[0] for row in self._among(query, ids, values)]

    def _among(
        self, query: Any, keys: Collection[Any], values: dict[str, Any] | None = None
    ) -> Iterable[Sequence[Any]]:
        for these in _portions(keys):
            yield from self._runner.rows(query, {**(values or {}), "these": these})

    def _remove(self, statement: Any, keys: Collection[int], values: dict[str, Any] | None = None) -> None:
        for these in _portions(keys):
            self._runner.change(statement, {**(values or {}), "these": these})


def _portions(keys: Collection[Any]) -> Iterable[list[Any]]:
    ordered = sorted(keys)
    for start in range(0, len(ordered), _IDS_PER_QUERY):
        yield ordered[start : start + _IDS_PER_QUERY]


def _to_manifest(row: Sequence[Any]) -> LooseManifest:
    subject = None if row[4] is None else Digest.from_raw(row[4], row[5])
    return LooseManifest(row[2], to_digest(row), row[3], subject)


def _to_blob(row: Sequence[Any], *, linked: bool) -> RestingBlob:
    return RestingBlob(row[2], to_digest(row), row[3], row[4], linked)
