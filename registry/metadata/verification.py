"""Which stored bytes are to be read again, what was found, and what depends on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, or_, select, update

from oci_spec.reference import RepositoryName
from registry.metadata.rows import NEVER, BlobState, VerifiableBlob
from registry.metadata.schema import blob, link, manifest, manifest_reference, repository, tag
from registry.metadata.statements import Runner, digest_values, has_digest, to_digest

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from typing import Any

    from oci_spec.digest import Digest

_DUE = or_(blob.c.verified_at.is_(None), blob.c.verified_at < bindparam("before", type_=blob.c.verified_at.type))
_BLOB = select(blob.c.algorithm, blob.c.digest, blob.c.id, blob.c.size, blob.c.key)
_STRETCH = _BLOB.where(blob.c.id > bindparam("after")).order_by(blob.c.id).limit(bindparam("limit"))
_DUE_STRETCH = _STRETCH.where(_DUE)
_TOTALS = select(func.count(), func.coalesce(func.sum(blob.c.size), 0)).select_from(blob)
_DUE_TOTALS = _TOTALS.where(_DUE)
_SAMPLE = _BLOB.order_by(func.random()).limit(bindparam("limit"))
_DUE_SAMPLE = _SAMPLE.where(_DUE)
_THESE_BYTES = (blob.c.id == bindparam("this_id"), blob.c.key == bindparam("seen_key"))
_VERIFIED = (
    update(blob)
    .where(*_THESE_BYTES)
    .values(state=BlobState.PRESENT.value, verified_at=bindparam("now", type_=blob.c.verified_at.type))
)
_CORRUPT = update(blob).where(*_THESE_BYTES).values(state=BlobState.CORRUPT.value)
_HOLDERS = (
    select(repository.c.id, repository.c.name)
    .join_from(blob, link)
    .join(repository)
    .where(has_digest(blob))
    .order_by(repository.c.name)
)
_PARENTS = (
    select(manifest.c.algorithm, manifest.c.digest)
    .join_from(manifest_reference, manifest)
    .where(manifest_reference.c.repository_id == bindparam("in_repository"), has_digest(manifest_reference))
    .distinct()
)
_TAGS = select(tag.c.name).where(
    tag.c.repository_id == bindparam("in_repository"), has_digest(tag), tag.c.valid_until.is_(None)
)


class Verification:
    """What is known of the bytes of all blobs."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def stretch(self, after: int, limit: int, *, not_since: datetime | None) -> list[VerifiableBlob]:
        """Give the next `limit` blobs with an id beyond `after`; only those not verified since a time, if given."""
        query = _STRETCH if not_since is None else _DUE_STRETCH
        return self._blobs(query, {"after": after, "limit": limit}, not_since)

    def totals(self, *, not_since: datetime | None) -> tuple[int, int]:
        """Count the blobs and their bytes; only those not verified since a time, if given."""
        query = _TOTALS if not_since is None else _DUE_TOTALS
        [row] = self._runner.rows(query, _bounds(not_since))
        return row[0], int(row[1])

    def sample(self, count: int, *, not_since: datetime | None) -> list[VerifiableBlob]:
        """Give up to `count` blobs by chance; only from those not verified since a time, if given."""
        return self._blobs(_SAMPLE if not_since is None else _DUE_SAMPLE, {"limit": count}, not_since)

    def note_verified(self, blobs: Collection[VerifiableBlob], now: datetime) -> None:
        """Note that the bytes of these blobs are good, whatever was thought of them; not of other bytes since."""
        for each in blobs:
            self._runner.change(_VERIFIED, {"this_id": each.id, "seen_key": each.key, "now": now})

    def note_corrupt(self, found: VerifiableBlob) -> bool:
        """Note that the bytes of a blob do not have its digest; False when it has others by now, or is gone."""
        return self._runner.change(_CORRUPT, {"this_id": found.id, "seen_key": found.key}) > 0

    def dependents(self, digest: Digest) -> dict[RepositoryName, list[str]]:
        """Give the repositories that link a blob, and for each the current tags that need it, in byte order."""
        rows = self._runner.rows(_HOLDERS, digest_values(digest))
        return {RepositoryName.parse(row[1]): self._tags(row[0], digest) for row in rows}

    def _tags(self, repository_id: int, digest: Digest) -> list[str]:
        """The tags of the manifests that refer to `digest`, and of the indexes above them."""
        names: set[str] = set()
        seen, unread = {digest}, [digest]
        while unread:
            values = {"in_repository": repository_id, **digest_values(unread.pop())}
            names.update(row[0] for row in self._runner.rows(_TAGS, values))
            parents = {to_digest(row) for row in self._runner.rows(_PARENTS, values)} - seen
            seen |= parents
            unread += parents
        return sorted(names)

    def _blobs(self, query: Any, values: dict[str, Any], not_since: datetime | None) -> list[VerifiableBlob]:
        return [_to_blob(row) for row in self._runner.rows(query, {**values, **_bounds(not_since)})]


def _bounds(not_since: datetime | None) -> dict[str, Any]:
    return {} if not_since is None else {"before": max(not_since, NEVER)}


def _to_blob(row: Sequence[Any]) -> VerifiableBlob:
    return VerifiableBlob(id=row[2], digest=to_digest(row), size=row[3], key=row[4])
