"""Namespaces and repositories: they begin to exist with the first thing pushed to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Select, bindparam, delete, func, select, update

from oci_spec.reference import RepositoryName
from registry.metadata.rows import Direction, Repository, RepositorySearch, RepositorySort, RepositorySummary
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
_COUNT_TAGS = select(func.count()).where(tag.c.repository_id == bindparam("this_id"), tag.c.valid_until.is_(None))
_TAGS = (
    select(func.count()).where(tag.c.repository_id == repository.c.id, tag.c.valid_until.is_(None)).scalar_subquery()
)
_SORTS = {
    RepositorySort.NAME: repository.c.name,
    RepositorySort.CREATED: repository.c.created_at,
    RepositorySort.UPDATED: repository.c.updated_at,
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

    def ensure(self, name: RepositoryName, now: datetime) -> Repository:
        """Give the repository of this name, made now, with its namespace, if it did not exist; safe against races."""
        while (found := self.find(name)) is None:
            self._runner.change(_MAKE_NAMESPACE, {"name": name.namespace, "created_at": now})
            namespace_id = self._runner.value(_NAMESPACE_ID, {"this_name": name.namespace})
            new = {"namespace_id": namespace_id, "name": str(name), "created_at": now, "updated_at": now}
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
        tags: int = self._runner.value(_COUNT_TAGS, {"this_id": found.id})
        return RepositorySummary(found.id, found.name, found.created_at, found.updated_at, tags)

    def search(self, search: RepositorySearch) -> list[RepositorySummary]:
        """Give one page of the repositories that `search` describes, in its order."""
        query = _matching(select(*_COLUMNS, _TAGS), search)
        key = _SORTS[search.sort]
        ordered = key.desc() if search.direction is Direction.DESCENDING else key.asc()
        query = query.order_by(ordered, repository.c.name).limit(search.limit)
        if search.after is not None:
            query = query.where(past(search.after, key, repository.c.name, search.direction))
        return [
            RepositorySummary(row[0], RepositoryName.parse(row[1]), row[2], row[3], row[4])
            for row in self._runner.rows(query)
        ]

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
