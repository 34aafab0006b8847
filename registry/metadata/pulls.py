"""When manifests and tags were pulled last, recorded many at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, or_, update

from registry.metadata.schema import manifest, tag
from registry.metadata.statements import Runner

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Table, Update

    from registry.metadata.rows import Pull


def _pulled(table: Table) -> Update:
    newer = or_(table.c.pulled_at.is_(None), table.c.pulled_at < bindparam("at"))
    return update(table).where(table.c.id == bindparam("row_id"), newer).values(pulled_at=bindparam("at"))


_MANIFEST_PULLED = _pulled(manifest)
_TAG_PULLED = _pulled(tag)


class Pulls:
    """The times of the last pulls."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def record(self, pulls: Iterable[Pull]) -> None:
        """Note these pulls; what was deleted since is passed over, and no time goes backwards."""
        manifests: dict[int, datetime] = {}
        tags: dict[int, datetime] = {}
        for pull in pulls:
            manifests[pull.manifest_id] = max(pull.pulled_at, manifests.get(pull.manifest_id, pull.pulled_at))
            if pull.tag_id is not None:
                tags[pull.tag_id] = max(pull.pulled_at, tags.get(pull.tag_id, pull.pulled_at))
        self._update(_MANIFEST_PULLED, manifests)
        self._update(_TAG_PULLED, tags)

    def _update(self, statement: Update, times: dict[int, datetime]) -> None:
        # In one order everywhere, so that two workers that note the same rows do not wait for each other in a ring.
        self._runner.change_many(statement, [{"row_id": row_id, "at": times[row_id]} for row_id in sorted(times)])
