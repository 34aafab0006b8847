"""Tags over time: a row for each interval in which a tag named one manifest, the current one open at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from oci_spec.reference import Tag
from registry.metadata.rows import TagRow
from registry.metadata.schema import tag as table
from registry.metadata.statements import has_digest, insert, to_digest
from registry.metadata.tag_details import count, detail, details

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from sqlalchemy import Connection

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
)
_CURRENT = table.c.valid_until.is_(None)


class Tags:
    """The tags of all repositories and their history."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        """Work in the transaction of `connection`."""
        self._connection = connection

    def current(self, repository_id: int, tag: Tag) -> TagRow | None:
        """Give the row that says what `tag` names now, None when it names nothing."""
        query = _TAG.where(table.c.repository_id == repository_id, table.c.name == str(tag), _CURRENT)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _to_tag(row)

    def point(self, repository_id: int, tag: Tag, digest: Digest, *, actor: str, now: datetime) -> Digest | None:
        """Let `tag` name `digest` from now on, and give what it named before, None when that was nothing.

        Pointing a tag at what it already names changes nothing. Of two transactions that move one tag the second waits
        for the first and then moves it from where the first put it.
        """
        while True:
            current = self._lock_current(repository_id, tag)
            if current is not None and current.digest == digest:
                return digest
            # A caller that waited for another's move must not end an interval before it began.
            since = now if current is None else max(now, current.valid_from)
            if current is not None:
                self._end(current.id, actor, since)
            new = insert(self._connection, table).values(
                repository_id=repository_id,
                name=str(tag),
                algorithm=digest.algorithm,
                digest=digest.raw,
                valid_from=since,
                actor=actor,
            )
            made = new.on_conflict_do_nothing(index_elements=["repository_id", "name"], index_where=_CURRENT)
            # No row was made if another transaction made one since we looked: look again, it is committed by now.
            if self._connection.execute(made.returning(table.c.id)).first() is not None:
                return None if current is None else current.digest

    def end(self, repository_id: int, tag: Tag, *, actor: str, now: datetime) -> bool:
        """Let `tag` name nothing from now on; its history stays. False when it named nothing already."""
        while (current := self._lock_current(repository_id, tag)) is not None:
            if self._end(current.id, actor, max(now, current.valid_from)):
                return True
        return False

    def end_all(self, repository_id: int, digest: Digest, *, actor: str, now: datetime) -> list[str]:
        """Let every tag that names `digest` name nothing from now on, and give their names in byte order."""
        query = _TAG.where(table.c.repository_id == repository_id, has_digest(table, digest), _CURRENT)
        rows = self._connection.execute(query.order_by(table.c.name).with_for_update()).all()
        ended = [_to_tag(row) for row in rows]
        for current in ended:
            self._end(current.id, actor, max(now, current.valid_from))
        return [str(current.name) for current in ended]

    def page(self, repository_id: int, after: str | None, limit: int) -> list[str]:
        """Give up to `limit` names of current tags in byte order, those past `after`, which need not be a tag."""
        query = select(table.c.name).where(table.c.repository_id == repository_id, _CURRENT)
        if after is not None:
            query = query.where(table.c.name > after)
        return list(self._connection.scalars(query.order_by(table.c.name).limit(limit)))

    def details(self, repository_id: int, search: TagSearch) -> list[TagDetail]:
        """Give one page of the current tags that `search` describes, in its order."""
        return details(self._connection, repository_id, search)

    def detail(self, repository_id: int, tag: Tag) -> TagDetail | None:
        """Give what the page of details would tell of `tag`, None when it names nothing now."""
        return detail(self._connection, repository_id, tag)

    def count(self, repository_id: int, search: TagSearch) -> int:
        """Count all current tags that `search` describes, whatever its page."""
        return count(self._connection, repository_id, search)

    def history(self, repository_id: int, tag: Tag, limit: int) -> list[TagRow]:
        """Give what `tag` names now and named before, newest first."""
        query = _TAG.where(table.c.repository_id == repository_id, table.c.name == str(tag))
        return [_to_tag(row) for row in self._connection.execute(query.order_by(table.c.id.desc()).limit(limit))]

    def _lock_current(self, repository_id: int, tag: Tag) -> TagRow | None:
        query = _TAG.where(table.c.repository_id == repository_id, table.c.name == str(tag), _CURRENT)
        row = self._connection.execute(query.with_for_update()).one_or_none()
        return None if row is None else _to_tag(row)

    def _end(self, tag_id: int, actor: str, now: datetime) -> bool:
        ended = update(table).where(table.c.id == tag_id, _CURRENT).values(valid_until=now, ended_by=actor)
        return self._connection.execute(ended).rowcount > 0


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
