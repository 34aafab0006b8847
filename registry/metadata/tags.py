"""Tags over time: a row for each interval in which a tag named one manifest, the current one open at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select, update

from oci_spec.reference import Tag
from registry.metadata.rows import TagRow
from registry.metadata.schema import tag as table
from registry.metadata.statements import Runner, digest_values, has_digest, insert, to_digest
from registry.metadata.tag_details import count, detail, details

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from oci_spec.digest import Digest
    from registry.metadata.rows import TagDetail, TagSearch

_TAG = select(
    table.c.algorithm,
    table.c.digest,
    table.c.id,
    table.c.repository_id,
    table.c.name,
    table.c.valid_from,
    table.c.valid_until,
    table.c.actor,
    table.c.ended_by,
    table.c.pulled_at,
).where(table.c.repository_id == bindparam("in_repository"))
_IS_CURRENT = table.c.valid_until.is_(None)
_NAMED = table.c.name == bindparam("this_name")
_CURRENT = _TAG.where(_NAMED, _IS_CURRENT)
_LOCK_CURRENT = _CURRENT.with_for_update()
_LOCK_ALL = _TAG.where(has_digest(table), _IS_CURRENT).with_for_update()
_HISTORY = _TAG.where(_NAMED, table.c.id < bindparam("before")).order_by(table.c.id.desc()).limit(bindparam("limit"))
_EVER_NAMED = (
    select(table.c.id)
    .where(table.c.repository_id == bindparam("in_repository"), _NAMED, has_digest(table))
    .order_by(table.c.id.desc())
    .limit(1)
)
_BEGIN = insert(
    table,
    lambda new: new.on_conflict_do_nothing(index_elements=["repository_id", "name"], index_where=_IS_CURRENT).returning(
        table.c.id
    ),
)
_END = update(table).where(table.c.id == bindparam("this_id"), _IS_CURRENT)
_FIRST_NAMES = (
    select(table.c.name)
    .where(table.c.repository_id == bindparam("in_repository"), _IS_CURRENT)
    .order_by(table.c.name)
    .limit(bindparam("limit"))
)
_NEXT_NAMES = _FIRST_NAMES.where(table.c.name > bindparam("after"))

# No row's key comes near it.
_NEWEST = 2**63 - 1


class Tags:
    """The tags of all repositories and their history."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def current(self, repository_id: int, tag: Tag) -> TagRow | None:
        """Give the row that says what `tag` names now, None when it names nothing."""
        row = self._runner.row(_CURRENT, {"in_repository": repository_id, "this_name": str(tag)})
        return None if row is None else _to_tag(row)

    def point(self, repository_id: int, tag: Tag, digest: Digest, *, actor: str, now: datetime) -> Digest | None:
        """Let `tag` name `digest` from now on, and give what it named before, None when that was nothing.

        Pointing a tag at what it already names changes nothing, and gives just that. Of two transactions that move one
        tag the second waits for the first and then moves it from where the first put it.
        """
        while True:
            current = self._lock_current(repository_id, tag)
            if current is not None and current.digest == digest:
                return digest
            # A caller that waited for another's move must not end an interval before it began.
            since = now if current is None else max(now, current.valid_from)
            if current is not None:
                self._end(current, actor, since)
            # No row was made if another transaction made one since we looked: look again, it is committed by now.
            if self._begin(repository_id, tag, digest, actor=actor, since=since):
                return None if current is None else current.digest

    def begin(self, repository_id: int, tag: Tag, digest: Digest, *, actor: str, now: datetime) -> Digest | None:
        """Let `tag` name `digest` from now on if it names nothing, and give what it names already, None for nothing.

        Of two transactions that begin one tag the second waits for the first, and is given what the first did.
        """
        while True:
            current = self._lock_current(repository_id, tag)
            if current is not None:
                return current.digest
            if self._begin(repository_id, tag, digest, actor=actor, since=now):
                return None

    def end(self, repository_id: int, tag: Tag, *, actor: str, now: datetime) -> bool:
        """Let `tag` name nothing from now on; its history stays. False when it named nothing already."""
        current = self._lock_current(repository_id, tag)
        if current is None:
            return False
        self._end(current, actor, now)
        return True

    def end_all(self, repository_id: int, digest: Digest, *, actor: str, now: datetime) -> list[str]:
        """Let every tag that names `digest` name nothing from now on, and give their names in byte order."""
        rows = self._runner.rows(_LOCK_ALL, {"in_repository": repository_id, **digest_values(digest)})
        # Sorted here: asked for in this order, SQLite would walk all tags of the repository to find those few.
        ended = sorted(map(_to_tag, rows), key=lambda current: str(current.name))
        for current in ended:
            self._end(current, actor, now)
        return [str(current.name) for current in ended]

    def page(self, repository_id: int, after: str | None, limit: int) -> list[str]:
        """Give up to `limit` names of current tags in byte order, those past `after`, which need not be a tag."""
        values = {"in_repository": repository_id, "limit": limit}
        if after is None:
            return [row[0] for row in self._runner.rows(_FIRST_NAMES, values)]
        return [row[0] for row in self._runner.rows(_NEXT_NAMES, {**values, "after": after})]

    def details(self, repository_id: int, search: TagSearch) -> list[TagDetail]:
        """Give one page of the current tags that `search` describes, in its order."""
        return details(self._runner, repository_id, search)

    def detail(self, repository_id: int, tag: Tag) -> TagDetail | None:
        """Give what the page of details would tell of `tag`, None when it names nothing now."""
        return detail(self._runner, repository_id, tag)

    def count(self, repository_id: int, search: TagSearch) -> int:
        """Count all current tags that `search` describes, whatever its page."""
        return count(self._runner, repository_id, search)

    def history(self, repository_id: int, tag: Tag, limit: int, *, before: int | None = None) -> list[TagRow]:
        """Give what `tag` names now and named before, newest first; only rows older than `before` if it is given."""
        last = _NEWEST if before is None else before
        values = {"in_repository": repository_id, "this_name": str(tag), "limit": limit, "before": last}
        return [_to_tag(row) for row in self._runner.rows(_HISTORY, values)]

    def ever_named(self, repository_id: int, tag: Tag, digest: Digest) -> bool:
        """Tell whether `tag` names `digest`, or named it at any time."""
        values = {"in_repository": repository_id, "this_name": str(tag), **digest_values(digest)}
        return self._runner.value(_EVER_NAMED, values) is not None

    def _lock_current(self, repository_id: int, tag: Tag) -> TagRow | None:
        row = self._runner.row(_LOCK_CURRENT, {"in_repository": repository_id, "this_name": str(tag)})
        return None if row is None else _to_tag(row)

    def _begin(self, repository_id: int, tag: Tag, digest: Digest, *, actor: str, since: datetime) -> bool:
        new = {
            "repository_id": repository_id,
            "name": str(tag),
            "algorithm": digest.algorithm,
            "digest": digest.raw,
            "valid_from": since,
            "actor": actor,
        }
        return self._runner.value(_BEGIN, new) is not None

    def _end(self, current: TagRow, actor: str, now: datetime) -> None:
        until = max(now, current.valid_from)
        self._runner.change(_END, {"this_id": current.id, "valid_until": until, "ended_by": actor})


def _to_tag(row: Sequence[Any]) -> TagRow:
    return TagRow(
        digest=to_digest(row),
        id=row[2],
        repository_id=row[3],
        name=Tag.parse(row[4]),
        valid_from=row[5],
        valid_until=row[6],
        actor=row[7],
        ended_by=row[8],
        pulled_at=row[9],
    )
