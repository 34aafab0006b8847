"""Blobs on their way to another place: which are there already, under which keys, and the moment when those count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, delete, exists, func, insert, select, update

from registry.metadata.rows import BlobState, VerifiableBlob
from registry.metadata.schema import blob, moved_blob, upload
from registry.metadata.statements import Runner, to_digest

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any

    from oci_spec.digest import Digest

_AT_PLACE = moved_blob.c.place == bindparam("place")
_OF_BLOB = and_(_AT_PLACE, moved_blob.c.blob_id == blob.c.id)
_IS_MOVED = exists().where(_OF_BLOB)
_UNMOVED = (
    select(blob.c.algorithm, blob.c.digest, blob.c.id, blob.c.size, blob.c.key)
    .where(blob.c.id > bindparam("after"), ~_IS_MOVED)
    .order_by(blob.c.id)
    .limit(bindparam("limit"))
)
_UNMOVED_TOTALS = select(func.count(), func.coalesce(func.sum(blob.c.size), 0)).select_from(blob).where(~_IS_MOVED)
_NOTE = insert(moved_blob)
_MOVED = select(
    moved_blob.c.algorithm, moved_blob.c.digest, moved_blob.c.blob_id, moved_blob.c.size, moved_blob.c.key
).where(_AT_PLACE)
_GONE = _MOVED.where(~exists().where(blob.c.id == moved_blob.c.blob_id)).limit(bindparam("limit"))
_FORGET = delete(moved_blob).where(_AT_PLACE, moved_blob.c.blob_id == bindparam("this_id"))
_FORGET_OTHERS = delete(moved_blob).where(moved_blob.c.place != bindparam("place"))
_FORGET_ALL = delete(moved_blob)
_SWITCH = (
    update(blob)
    .where(_IS_MOVED)
    .values(
        key=select(moved_blob.c.key).where(_OF_BLOB).scalar_subquery(),
        # It was hashed on the way.
        state=BlobState.PRESENT.value,
        verified_at=None,
    )
)
_LEAVE_OTHERS = update(blob).where(~_IS_MOVED).values(key=bindparam("nowhere"), state=BlobState.SUSPECT.value)
_FORGET_UPLOADS = delete(upload)


@dataclass(frozen=True, slots=True)
class MovedBlob:
    """The bytes of a blob at another place, under a key of that place's."""

    blob_id: int
    digest: Digest
    size: int
    key: str


class Moves:
    """The blobs of the registry, and their bytes at the places to which its storage is moving."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def unmoved(self, place: str, after: int, limit: int) -> list[VerifiableBlob]:
        """Give up to `limit` blobs with ids beyond `after` that are not at `place`, in their order."""
        rows = self._runner.rows(_UNMOVED, {"place": place, "after": after, "limit": limit})
        return [VerifiableBlob(row[2], to_digest(row), row[3], row[4]) for row in rows]

    def unmoved_totals(self, place: str) -> tuple[int, int]:
        """Count the blobs that are not at `place`, and their bytes."""
        row = self._runner.row(_UNMOVED_TOTALS, {"place": place})
        assert row is not None
        return row[0], int(row[1])

    def note(self, place: str, moved: MovedBlob) -> None:
        """Remember that the bytes of a blob are at `place`, too."""
        values = {
            "place": place,
            "blob_id": moved.blob_id,
            "algorithm": moved.digest.algorithm,
            "digest": moved.digest.raw,
            "size": moved.size,
            "key": moved.key,
        }
        self._runner.change(_NOTE, values)

    def gone(self, place: str, limit: int) -> list[MovedBlob]:
        """Give up to `limit` blobs whose bytes are at `place` and that the registry has not got any more."""
        return [_moved(row) for row in self._runner.rows(_GONE, {"place": place, "limit": limit})]

    def forget(self, place: str, blob_ids: Collection[int]) -> None:
        """Forget what is known of these blobs at `place`."""
        self._runner.change_many(_FORGET, [{"place": place, "this_id": blob_id} for blob_id in sorted(blob_ids)])

    def forget_others(self, place: str) -> None:
        """Forget all other places: moves to them were given up."""
        self._runner.change(_FORGET_OTHERS, {"place": place})

    def switch(self, place: str, nowhere: str) -> int:
        """Let every blob's bytes be those at `place`, and count them.

        Blobs that are not there get the key `nowhere`, and are suspect. Upload sessions, whose bytes are at the old
        place, are forgotten, and so is everything about moves.
        """
        switched = self._runner.change(_SWITCH, {"place": place})
        self._runner.change(_LEAVE_OTHERS, {"place": place, "nowhere": nowhere})
        self._runner.change(_FORGET_UPLOADS)
        self._runner.change(_FORGET_ALL)
        return switched


def _moved(row: Sequence[Any]) -> MovedBlob:
    return MovedBlob(row[2], to_digest(row), row[3], row[4])
