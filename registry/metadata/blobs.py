"""Blobs, shared by all repositories, and the links that make one readable in a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, bindparam, case, cast, delete, func, select, update

from oci_spec.reference import RepositoryName
from registry.metadata.frequent import Frequent
from registry.metadata.rows import Blob, BlobState, LinkedBlob, Usage
from registry.metadata.schema import blob, link, repository
from registry.metadata.statements import (
    Runner,
    digest_values,
    has_digest,
    has_some_digest,
    insert,
    kept,
    some_digests_values,
    to_digest,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from typing import Any

    from oci_spec.digest import Digest

_BLOB = select(
    blob.c.algorithm, blob.c.digest, blob.c.id, blob.c.size, blob.c.key, blob.c.state, blob.c.created_at
).where(has_digest(blob))
_FIND = Frequent(kept(_BLOB, blob))
_INSERT = Frequent(
    insert(blob, lambda new: new.on_conflict_do_nothing(index_elements=["algorithm", "digest"]).returning(blob.c.id))
)
_USAGE = select(func.count(), cast(func.coalesce(func.sum(blob.c.size), 0), BigInteger)).select_from(blob)
_ANY = select(blob.c.id).limit(1)
_LOCK_KEY = select(blob.c.key).where(blob.c.id == bindparam("blob_id")).with_for_update()
_REPLACE_KEY = update(blob).where(blob.c.id == bindparam("blob_id"))
_SUSPECT = (
    update(blob)
    .where(blob.c.id == bindparam("blob_id"), blob.c.key == bindparam("seen_key"))
    # A copy that is known to be corrupt does not become any better.
    .values(state=case((blob.c.state == BlobState.CORRUPT.value, blob.c.state), else_=BlobState.SUSPECT.value))
)
_LINK = Frequent(
    insert(
        link,
        lambda new: new.on_conflict_do_update(
            index_elements=["repository_id", "blob_id"],
            set_={
                "lease_until": case(
                    (new.excluded.lease_until > link.c.lease_until, new.excluded.lease_until), else_=link.c.lease_until
                )
            },
        ),
    )
)
_IN_REPOSITORY = link.c.repository_id == bindparam("in_repository")
_LINKED = (
    select(
        blob.c.algorithm,
        blob.c.digest,
        link.c.repository_id,
        blob.c.id,
        blob.c.size,
        blob.c.key,
        link.c.lease_until,
        blob.c.state,
    )
    .join_from(link, blob)
    .where(_IN_REPOSITORY)
)
_LINKED_ONE = Frequent(kept(_LINKED.where(has_digest(blob)), link))
_LINKED_SOME = kept(_LINKED.where(has_some_digest(blob)), link)
_THIS_LINK = (_IN_REPOSITORY, link.c.blob_id == bindparam("this_blob"))
_RENEW = update(link).where(*_THIS_LINK, link.c.lease_until < bindparam("until")).values(lease_until=bindparam("until"))
_RENEW_SINCE = (
    update(link)
    .where(_IN_REPOSITORY, link.c.lease_until >= bindparam("since"), link.c.lease_until < bindparam("until"))
    .values(lease_until=bindparam("until"))
)
_HAS_LINK = select(link.c.blob_id).where(*_THIS_LINK)
_UNLINK = delete(link).where(
    _IN_REPOSITORY, link.c.blob_id == select(blob.c.id).where(has_digest(blob)).scalar_subquery()
)
_READABLE = (
    select(repository.c.name)
    .join_from(blob, link)
    .join(repository)
    .where(has_digest(blob))
    .order_by(link.c.created_at, repository.c.id)
    .limit(bindparam("limit"))
)


class Blobs:
    """The blobs of the registry and their links to repositories."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def usage(self) -> Usage:
        """Say how many blobs there are, and how large they are together; it reads all of their rows."""
        row = self._runner.row(_USAGE)
        assert row is not None, "an aggregate has one row"
        return Usage(*row)

    def find(self, digest: Digest) -> Blob | None:
        """Give the blob with this digest, linked anywhere or not; it is not removed before the transaction ends."""
        row = self._runner.row(_FIND, digest_values(digest))
        return None if row is None else _to_blob(row)

    def any(self) -> bool:
        """Say whether there is any blob at all."""
        return self._runner.value(_ANY) is not None

    def insert(self, digest: Digest, size: int, key: str, *, now: datetime) -> tuple[Blob, bool]:
        """Give the blob of `digest` and whether this call made it; one that was there keeps its own key and size.

        Of two transactions that insert one digest the second waits for the first and is given the first's row. Either
        way the row is not removed before the transaction ends.
        """
        new = {
            "algorithm": digest.algorithm,
            "digest": digest.raw,
            "size": size,
            "key": key,
            "state": BlobState.PRESENT,
            "created_at": now,
        }
        while True:
            made = self._runner.value(_INSERT, new)
            if made is not None:
                return Blob(made, digest, size, key, BlobState.PRESENT, now), True
            found = self.find(digest)
            if found is not None:
                return found, False

    def replace_key(self, blob_id: int, key: str) -> str:
        """Let the blob's bytes be those under `key`, known to be good, and give the key they were under before."""
        old: str = self._runner.value(_LOCK_KEY, {"blob_id": blob_id})
        self._runner.change(
            _REPLACE_KEY, {"blob_id": blob_id, "key": key, "state": BlobState.PRESENT, "verified_at": None}
        )
        return old

    def suspect(self, blob_id: int, key: str) -> bool:
        """Note that the bytes under `key` are missing or broken; False when the blob has others by now."""
        return self._runner.change(_SUSPECT, {"blob_id": blob_id, "seen_key": key}) > 0

    def link(self, repository_id: int, blob_id: int, lease_until: datetime, *, now: datetime) -> None:
        """Make the blob readable in the repository, kept there at least until `lease_until`; may be repeated."""
        new = {"repository_id": repository_id, "blob_id": blob_id, "created_at": now, "lease_until": lease_until}
        self._runner.change(_LINK, new)

    def linked(self, repository_id: int, digest: Digest) -> LinkedBlob | None:
        """Give the blob with this digest if the repository links it; the link lasts until the transaction ends."""
        row = self._runner.row(_LINKED_ONE, {"in_repository": repository_id, **digest_values(digest)})
        return None if row is None else _to_linked_blob(row)

    def linked_among(self, repository_id: int, digests: Collection[Digest]) -> dict[Digest, LinkedBlob]:
        """Give those of `digests` that the repository links, as `linked` does each of them."""
        found: dict[Digest, LinkedBlob] = {}
        for values in some_digests_values(digests):
            for row in self._runner.rows(_LINKED_SOME, {"in_repository": repository_id, **values}):
                linked = _to_linked_blob(row)
                found[linked.digest] = linked
        return found

    def renew(self, repository_id: int, blob_id: int, lease_until: datetime) -> bool:
        """Lengthen the lease of a link to `lease_until`, never shorten it; False when there is no such link."""
        this = {"in_repository": repository_id, "this_blob": blob_id}
        if self._runner.change(_RENEW, {**this, "until": lease_until}) > 0:
            return True
        return self._runner.value(_HAS_LINK, this) is not None

    def renew_since(self, repository_id: int, since: datetime, lease_until: datetime) -> int:
        """Lengthen to `lease_until` each lease in the repository that had not ended at `since`, and count them."""
        return self._runner.change(_RENEW_SINCE, {"in_repository": repository_id, "since": since, "until": lease_until})

    def unlink(self, repository_id: int, digest: Digest) -> bool:
        """Take the blob away from the repository, whatever its lease; False when it was not linked there."""
        return self._runner.change(_UNLINK, {"in_repository": repository_id, **digest_values(digest)}) > 0

    def readable_repositories(self, digest: Digest, limit: int) -> list[RepositoryName]:
        """Give the names of up to `limit` repositories that link the blob, oldest link first."""
        rows = self._runner.rows(_READABLE, {"limit": limit, **digest_values(digest)})
        return [RepositoryName.parse(row[0]) for row in rows]

    def missing(self, repository_id: int, digests: Collection[Digest]) -> set[Digest]:
        """Give those of `digests` that the repository does not link, or whose bytes are known to be corrupt.

        The others stay until the transaction ends.
        """
        linked = self.linked_among(repository_id, digests).values()
        return set(digests) - {each.digest for each in linked if each.state is not BlobState.CORRUPT}


def _to_blob(row: Sequence[Any]) -> Blob:
    return Blob(digest=to_digest(row), id=row[2], size=row[3], key=row[4], state=BlobState(row[5]), created_at=row[6])


def _to_linked_blob(row: Sequence[Any]) -> LinkedBlob:
    return LinkedBlob(
        digest=to_digest(row),
        repository_id=row[2],
        blob_id=row[3],
        size=row[4],
        key=row[5],
        lease_until=row[6],
        state=BlobState(row[7]),
    )
