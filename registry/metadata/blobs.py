"""Blobs, shared by all repositories, and the links that make one readable in a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import case, delete, select, update

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName
from registry.metadata.rows import Blob, BlobState, LinkedBlob
from registry.metadata.schema import blob, link, repository
from registry.metadata.statements import has_digest, insert, kept, some_digests, to_digest

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from typing import Any

    from sqlalchemy import Connection, Select

_BLOB = select(blob.c.algorithm, blob.c.digest, blob.c.id, blob.c.size, blob.c.key, blob.c.state, blob.c.created_at)
_LINKED = select(
    blob.c.algorithm, blob.c.digest, link.c.repository_id, blob.c.id, blob.c.size, blob.c.key, link.c.lease_until
).join_from(link, blob)


class Blobs:
    """The blobs of the registry and their links to repositories."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        """Work in the transaction of `connection`."""
        self._connection = connection

    def find(self, digest: Digest) -> Blob | None:
        """Give the blob with this digest, linked anywhere or not; it is not removed before the transaction ends."""
        return self._one(kept(self._connection, _BLOB.where(has_digest(blob, digest)), blob))

    def lock(self, digest: Digest) -> Blob | None:
        """Give the blob with this digest; no other transaction changes or links it before this one ends."""
        return self._one(_BLOB.where(has_digest(blob, digest)).with_for_update())

    def insert(self, digest: Digest, size: int, key: str, *, now: datetime) -> tuple[Blob, bool]:
        """Give the blob of `digest` and whether this call made it; when not, the row keeps its own key, and is locked.

        Of two transactions that insert one digest the second waits for the first and is given the first's row.
        """
        new = insert(self._connection, blob).values(
            algorithm=digest.algorithm, digest=digest.raw, size=size, key=key, state=BlobState.PRESENT, created_at=now
        )
        while True:
            made = self._connection.execute(new.on_conflict_do_nothing().returning(blob.c.id)).scalar_one_or_none()
            found = self.lock(digest)
            if found is not None:
                return found, made is not None

    def replace_key(self, blob_id: int, key: str) -> str:
        """Let the blob's bytes be those under `key`, known to be good, and give the key they were under before."""
        locked = select(blob.c.key).where(blob.c.id == blob_id).with_for_update()
        old: str = self._connection.execute(locked).scalar_one()
        self._connection.execute(update(blob).where(blob.c.id == blob_id).values(key=key, state=BlobState.PRESENT))
        return old

    def suspect(self, blob_id: int, key: str) -> bool:
        """Note that the bytes under `key` are missing or broken; False when the blob has others by now."""
        seen = update(blob).where(blob.c.id == blob_id, blob.c.key == key).values(state=BlobState.SUSPECT)
        return self._connection.execute(seen).rowcount > 0

    def link(self, repository_id: int, blob_id: int, lease_until: datetime, *, now: datetime) -> None:
        """Make the blob readable in the repository, kept there at least until `lease_until`; may be repeated."""
        new = insert(self._connection, link).values(
            repository_id=repository_id, blob_id=blob_id, created_at=now, lease_until=lease_until
        )
        given = new.excluded.lease_until
        later = case((given > link.c.lease_until, given), else_=link.c.lease_until)
        self._connection.execute(
            new.on_conflict_do_update(index_elements=["repository_id", "blob_id"], set_={"lease_until": later})
        )

    def linked(self, repository_id: int, digest: Digest) -> LinkedBlob | None:
        """Give the blob with this digest if the repository links it; the link lasts until the transaction ends."""
        query = _LINKED.where(link.c.repository_id == repository_id, has_digest(blob, digest))
        row = self._connection.execute(kept(self._connection, query, link)).one_or_none()
        return None if row is None else _to_linked_blob(row)

    def linked_among(self, repository_id: int, digests: Collection[Digest]) -> dict[Digest, LinkedBlob]:
        """Give those of `digests` that the repository links, as `linked` does each of them."""
        found: dict[Digest, LinkedBlob] = {}
        for condition in some_digests(blob, digests):
            query = _LINKED.where(link.c.repository_id == repository_id, condition)
            for row in self._connection.execute(kept(self._connection, query, link)):
                linked = _to_linked_blob(row)
                found[linked.digest] = linked
        return found

    def renew(self, repository_id: int, blob_id: int, lease_until: datetime) -> bool:
        """Lengthen the lease of a link to `lease_until`, never shorten it; False when there is no such link."""
        this = (link.c.repository_id == repository_id, link.c.blob_id == blob_id)
        longer = update(link).where(*this, link.c.lease_until < lease_until).values(lease_until=lease_until)
        if self._connection.execute(longer).rowcount > 0:
            return True
        return self._connection.execute(select(link.c.blob_id).where(*this)).first() is not None

    def unlink(self, repository_id: int, digest: Digest) -> bool:
        """Take the blob away from the repository, whatever its lease; False when it was not linked there."""
        blob_id = select(blob.c.id).where(has_digest(blob, digest)).scalar_subquery()
        gone = delete(link).where(link.c.repository_id == repository_id, link.c.blob_id == blob_id)
        return self._connection.execute(gone).rowcount > 0

    def readable_repositories(self, digest: Digest, limit: int) -> list[RepositoryName]:
        """Give the names of up to `limit` repositories that link the blob, oldest link first."""
        query = (
            select(repository.c.name)
            .join_from(blob, link)
            .join(repository)
            .where(has_digest(blob, digest))
            .order_by(link.c.created_at, repository.c.id)
            .limit(limit)
        )
        return [RepositoryName.parse(name) for name in self._connection.scalars(query)]

    def missing(self, repository_id: int, digests: Collection[Digest]) -> set[Digest]:
        """Give those of `digests` that the repository does not link; the others stay until the transaction ends."""
        return set(digests) - self.linked_among(repository_id, digests).keys()

    def _one(self, query: Select[Any]) -> Blob | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _to_blob(row)


def _to_blob(row: Sequence[Any]) -> Blob:
    return Blob(digest=to_digest(row), id=row[2], size=row[3], key=row[4], state=BlobState(row[5]), created_at=row[6])


def _to_linked_blob(row: Sequence[Any]) -> LinkedBlob:
    return LinkedBlob(
        digest=to_digest(row), repository_id=row[2], blob_id=row[3], size=row[4], key=row[5], lease_until=row[6]
    )
