"""How often tags and repositories were pulled, and when they and manifests were last; recorded many at a time.

Only pulls by a tag are counted. One image is one of them and any number by digest, of its index's children, and nothing
tells those from images that somebody pulls by digest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, bindparam, case, or_, select, update

from registry.metadata.column_types import UtcTime
from registry.metadata.schema import manifest, repository, tag, tag_pulls
from registry.metadata.statements import Runner, insert

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Table, Update

    from registry.metadata.rows import Pull


def _pulled(table: Table) -> Update:
    newer = or_(table.c.pulled_at.is_(None), table.c.pulled_at < bindparam("at"))
    return update(table).where(table.c.id == bindparam("row_id"), newer).values(pulled_at=bindparam("at"))


def _later(known: ColumnElement[datetime], new: ColumnElement[datetime]) -> ColumnElement[datetime]:
    return case((or_(known.is_(None), known < new), new), else_=known)


_AT = bindparam("at", type_=UtcTime)
_TIMES = bindparam("times", type_=BigInteger)
_TAGS = select(tag.c.id, tag.c.repository_id, tag.c.name).where(tag.c.id.in_(bindparam("these", expanding=True)))
_COUNT_REPOSITORY = (
    update(repository)
    .where(repository.c.id == bindparam("row_id"))
    .values(pulls=repository.c.pulls + _TIMES, pulled_at=_later(repository.c.pulled_at, _AT))
)
_COUNT_TAG = insert(
    tag_pulls,
    lambda new: new.from_select(
        ["repository_id", "name", "pulls", "pulled_at"],
        select(tag.c.repository_id, tag.c.name, _TIMES, _AT).where(tag.c.id == bindparam("row_id")),
    ).on_conflict_do_update(
        index_elements=["repository_id", "name"],
        set_={
            "pulls": tag_pulls.c.pulls + new.excluded.pulls,
            "pulled_at": _later(tag_pulls.c.pulled_at, new.excluded.pulled_at),
        },
    ),
)
_TAGS_PER_QUERY = 500
_MANIFEST_PULLED = _pulled(manifest)
_TAG_PULLED = _pulled(tag)


class Pulls:
    """The counts of pulls, and the times of the last ones."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def record(self, pulls: Iterable[Pull]) -> None:
        """Note these pulls; what was deleted since is passed over, and no time goes backwards."""
        manifests: dict[int, datetime] = {}
        tags: dict[int, datetime] = {}
        times: dict[int, int] = {}
        for pull in pulls:
            manifests[pull.manifest_id] = max(pull.pulled_at, manifests.get(pull.manifest_id, pull.pulled_at))
            if pull.tag_id is not None:
                tags[pull.tag_id] = max(pull.pulled_at, tags.get(pull.tag_id, pull.pulled_at))
                times[pull.tag_id] = times.get(pull.tag_id, 0) + pull.times
        # First, as a deletion locks a repository before what is in it.
        self._count(tags, times)
        self._update(_MANIFEST_PULLED, manifests)
        self._update(_TAG_PULLED, tags)

    def _count(self, latest: dict[int, datetime], times: dict[int, int]) -> None:
        found = self._tags(sorted(times))
        repositories: dict[int, tuple[int, datetime]] = {}
        for tag_id, repository_id, _ in found:
            counted, at = repositories.get(repository_id, (0, latest[tag_id]))
            repositories[repository_id] = (counted + times[tag_id], max(at, latest[tag_id]))
        # Those that are there cannot be deleted from here on, so a tag that the next statement finds stays.
        self._runner.change_many(
            _COUNT_REPOSITORY,
            [
                {"row_id": row_id, "times": repositories[row_id][0], "at": repositories[row_id][1]}
                for row_id in sorted(repositories)
            ],
        )
        in_order = sorted(found, key=lambda row: row[1:])
        self._runner.change_many(
            _COUNT_TAG, [{"row_id": row[0], "times": times[row[0]], "at": latest[row[0]]} for row in in_order]
        )

    def _tags(self, ids: Sequence[int]) -> list[tuple[int, int, str]]:
        found: list[tuple[int, int, str]] = []
        for start in range(0, len(ids), _TAGS_PER_QUERY):
            these = ids[start : start + _TAGS_PER_QUERY]
            found += [(row[0], row[1], row[2]) for row in self._runner.rows(_TAGS, {"these": these})]
        return found

    def _update(self, statement: Update, times: dict[int, datetime]) -> None:
        # In one order everywhere, so that two workers that note the same rows do not wait for each other in a ring.
        self._runner.change_many(statement, [{"row_id": row_id, "at": times[row_id]} for row_id in sorted(times)])
