"""Which tags of a repository cannot be moved or removed: patterns that a few of them fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select

from registry.metadata.rows import Protection
from registry.metadata.schema import tag_protection as table
from registry.metadata.statements import Runner, insert

if TYPE_CHECKING:
    from datetime import datetime

_HERE = table.c.repository_id == bindparam("in_repository")
_ALL = select(table.c.pattern, table.c.created_at, table.c.created_by).where(_HERE).order_by(table.c.pattern)
_ADD = insert(table, lambda new: new.on_conflict_do_nothing(index_elements=["repository_id", "pattern"]))
_REMOVE = delete(table).where(_HERE, table.c.pattern == bindparam("this_pattern"))


class Protections:
    """The protections of all repositories."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def of(self, repository_id: int) -> list[Protection]:
        """Give all protections of a repository in the byte order of their patterns."""
        return [Protection(*row) for row in self._runner.rows(_ALL, {"in_repository": repository_id})]

    def add(self, repository_id: int, pattern: str, *, actor: str, now: datetime) -> None:
        """Protect what fits `pattern`; one that is there already stays as it is.

        The caller has locked the repository, so that no push that did not see this protection ends after it.
        """
        new = {"repository_id": repository_id, "pattern": pattern, "created_at": now, "created_by": actor}
        self._runner.change(_ADD, new)

    def remove(self, repository_id: int, pattern: str) -> bool:
        """Take back the protection of what fits `pattern`; False if there was none."""
        return self._runner.change(_REMOVE, {"in_repository": repository_id, "this_pattern": pattern}) > 0
