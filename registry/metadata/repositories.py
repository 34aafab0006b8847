"""Namespaces and repositories: they begin to exist with the first thing pushed to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Select, bindparam, delete, func, select, update

from oci_spec.reference import RepositoryName
from registry import limits
from registry.metadata.rows import (
    Direction,
    Repository,
    RepositorySearch,
    RepositorySort,
    RepositorySummary,
    Visibility,
)
from registry.metadata.schema import namespace, repository, tag
from registry.metadata.statements import Runner, contains, insert, kept, past

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

_COLUMNS = (repository.c.id, repository.c.name, repository.c.created_at, repository.c.updated_at)
_FIND = kept(select(*_COLUMNS).where(repository.c.name == bindparam("this_name")), repository)
_LOCK = select(*_COLUMNS).where(repository.c.name == bindparam("this_name")).with_for_update()
_MAKE_NAMESPACE = insert(namespace, lambda new: new.on_conflict_do_nothing(index_elements=["name"]))
_NAMESPACE_ID = select(namespace.c.id).where(namespace.c.name == bindparam("this_name"))
_MAKE = insert(repository, lambda new: new.on_conflict_do_nothing(index_elements=["name"]))
_TOUCH = (
    update(repository)
    .where(repository.c.id == bindparam("this_id"), repository.c.updated_at < bindparam("now"))
    .values(updated_at=bindparam("now"))
)
_DELETE = delete(repository).where(repository.c.id == bindparam("this_id"))
_FIRST = select(*_COLUMNS).order_by(repository.c.name).limit(bindparam("limit"))
_NEXT = _FIRST.where(repository.c.name > bindparam("last"))
_TAGS = (
    select(func.count()).where(tag.c.repository_id == repository.c.id, tag.c.valid_until.is_(None)).scalar_subquery()
)
_SUMMARY = select(
    *_COLUMNS,
    _TAGS,
    repository.c.visibility,
    func.substr(repository.c.description, 1, limits.DESCRIPTION_OPENING_CHARACTERS),
    repository.c.pulls,
    repository.c.pulled_at,
)
_THIS = repository.c.id == bindparam("this_id")
_SUMMARY_OF = _SUMMARY.where(_THIS)
_DESCRIPTION = select(repository.c.description).where(_THIS)
_VISIBILITY = select(repository.c.visibility).where(_THIS)
_DESCRIBE = update(repository).where(_THIS).values(description=bindparam("text"))
_SHOW = update(repository).where(_THIS).values(visibility=bindparam("to"))
_SORTS = {
    RepositorySort.NAME: repository.c.name,
    RepositorySort.CREATED: repository.c.created_at,
    RepositorySort.UPDATED: repository.c.updated_at,
    RepositorySort.PULLS: repository.c.pulls,
}


class Repositories:
    """The repositories of the registry."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def find(self, name: RepositoryName) -> Repository | None:
        """Give the repository of this name if it exists; it then goes on existing until the transaction ends."""
        row = self._runner.row(_FIND, {"this_name": str(name)})
        return None if row is None else _to_repository(row)

    def lock(self, name: RepositoryName) -> Repository | None:
        """Give the repository of this name if it exists, once no other transaction is at work on what is in it.

        Those that begin to be meanwhile wait until this transaction ends, and then see what it did.
        """
        row = self._runner.row(_LOCK, {"this_name": str(name)})
        return None if row is None else _to_repository(row)

    def ensure(self, name: RepositoryName, now: datetime, visibility: Visibility = Visibility.PRIVATE) -> Repository:
        """Give the repository of this name, made now, with its namespace, if it did not exist; safe against races.

        One that is made now can be pulled from by whom `visibility` says.
        """
        while (found := self.find(name)) is None:
            self._runner.change(_MAKE_NAMESPACE, {"name": name.namespace, "created_at": now})
            namespace_id = self._runner.value(_NAMESPACE_ID, {"this_name": name.namespace})
            new = {
                "namespace_id": namespace_id,
                "name": str(name),
                "created_at": now,
                "updated_at": now,
                "visibility": visibility,
            }
            self._runner.change(_MAKE, new)
        return found

    def touch(self, repository_id: int, now: datetime) -> None:
        """Note that something in the repository changed."""
        self._runner.change(_TOUCH, {"this_id": repository_id, "now": now})

    def delete(self, repository_id: int) -> bool:
        """Remove the repository with its links, manifests, tags and their history; False if there was none.

        The bytes of its blobs stay, for other repositories or the collector.
        """
        return self._runner.change(_DELETE, {"this_id": repository_id}) > 0

    def summary(self, found: Repository) -> RepositorySummary:
        """Give what a search would tell of the repository `found`."""
        row = self._runner.row(_SUMMARY_OF, {"this_id": found.id})
        assert row is not None, "whoever found a repository keeps it"
        return _to_summary(row)

    def description(self, repository_id: int) -> str:
        """Give the whole description of a repository, empty where nobody wrote one."""
        text: str = self._runner.value(_DESCRIPTION, {"this_id": repository_id})
        return text

    def describe(self, repository_id: int, text: str) -> None:
        """Make `text` the description of a repository."""
        self._runner.change(_DESCRIBE, {"this_id": repository_id, "text": text})

    def visibility(self, repository_id: int) -> Visibility:
        """Give who may pull from a repository."""
        return Visibility(self._runner.value(_VISIBILITY, {"this_id": repository_id}))

    def set_visibility(self, repository_id: int, visibility: Visibility) -> None:
        """Change who may pull from a repository."""
        self._runner.change(_SHOW, {"this_id": repository_id, "to": visibility})

    def search(self, search: RepositorySearch) -> list[RepositorySummary]:
        """Give one page of the repositories that `search` describes, in its order."""
        query = _matching(_SUMMARY, search)
        key = _SORTS[search.sort]
        ordered = key.desc() if search.direction is Direction.DESCENDING else key.asc()
        query = query.order_by(ordered, repository.c.name).limit(search.limit)
        if search.after is not None:
            query = query.where(past(search.after, key, repository.c.name, search.direction))
        return [_to_summary(row) for row in self._runner.rows(query)]

    def count(self, search: RepositorySearch) -> int:
        """Count all repositories that `search` describes, whatever its page."""
        counted: int = self._runner.value(_matching(select(func.count()), search))
        return counted

    def list(self, limit: int, last: RepositoryName | None) -> list[Repository]:
        """Give up to `limit` repositories in the byte order of their names, those after `last` if it is given."""
        if last is None:
            rows = self._runner.rows(_FIRST, {"limit": limit})
        else:
            rows = self._runner.rows(_NEXT, {"limit": limit, "last": str(last)})
        return [_to_repository(row) for row in rows]


def _matching(query: Select[Any], search: RepositorySearch) -> Select[Any]:
    query = query.select_from(repository)
    return query.where(contains(repository.c.name, search.text)) if search.text else query


def _to_repository(row: Sequence[Any]) -> Repository:
    return Repository(id=row[0], name=RepositoryName.parse(row[1]), created_at=row[2], updated_at=row[3])


def _to_summary(row: Sequence[Any]) -> RepositorySummary:
    return RepositorySummary(
        row[0],
        RepositoryName.parse(row[1]),
        row[2],
        row[3],
        row[4],
        visibility=Visibility(row[5]),
        opening=row[6],
        pulls=row[7],
        pulled_at=row[8],
    )
