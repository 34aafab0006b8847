"""Namespaces and repositories: they begin to exist with the first thing pushed to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, select, update

from oci_spec.reference import RepositoryName
from registry import limits
from registry.errors import NamespaceUnknown
from registry.metadata import repository_pages, repository_search, search_grams, visible_repositories
from registry.metadata.frequent import Frequent
from registry.metadata.rows import Repository, Visibility
from registry.metadata.schema import namespace, repository, repository_description, search_gram
from registry.metadata.statements import Runner, insert, kept

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from registry.metadata.repository_values import FoundPage, RepositoryPage, Search
    from registry.metadata.rows import RepositorySearch, RepositorySummary
    from registry.metadata.visible import Visible

_COLUMNS = (repository.c.id, repository.c.name, repository.c.created_at, repository.c.updated_at)
_FIND = Frequent(kept(select(*_COLUMNS).where(repository.c.name == bindparam("this_name")), repository))
_LOCK = select(*_COLUMNS).where(repository.c.name == bindparam("this_name")).with_for_update()
_MAKE_NAMESPACE = insert(namespace, lambda new: new.on_conflict_do_nothing(index_elements=["name"]))
_NAMESPACE_ID = kept(select(namespace.c.id).where(namespace.c.name == bindparam("this_name")), namespace)
_MAKE = insert(repository, lambda new: new.on_conflict_do_nothing(index_elements=["name"]))
_TOUCH = (
    update(repository)
    .where(repository.c.id == bindparam("this_id"), repository.c.updated_at < bindparam("now"))
    .values(updated_at=bindparam("now"))
)
_DELETE = delete(repository).where(repository.c.id == bindparam("this_id"))
_FIRST = select(*_COLUMNS).order_by(repository.c.name).limit(bindparam("limit"))
_NEXT = _FIRST.where(repository.c.name > bindparam("last"))
_THIS = repository.c.id == bindparam("this_id")
_DESCRIPTION = select(repository_description.c.text).where(
    repository_description.c.repository_id == bindparam("this_id")
)
_ID = select(repository.c.id).where(repository.c.name == bindparam("this_name"))
_SEARCHED = (
    select(repository.c.name, func.coalesce(repository_description.c.searched, ""))
    .outerjoin_from(repository, repository_description)
    .where(_THIS)
)
_ADD_GRAM = insert(search_gram, lambda new: new.on_conflict_do_nothing(index_elements=["gram", "repository_id"]))
_REMOVE_GRAMS = delete(search_gram).where(
    search_gram.c.repository_id == bindparam("this_id"),
    search_gram.c.gram.in_(bindparam("these_grams", expanding=True)),
)
_VISIBILITY = select(repository.c.visibility).where(_THIS)
_DESCRIBE = insert(
    repository_description,
    lambda new: new.on_conflict_do_update(
        index_elements=["repository_id"], set_={name: new.excluded[name] for name in ("text", "searched")}
    ),
)
_SHOW = update(repository).where(_THIS).values(visibility=bindparam("to"))
_COUNT = select(func.count()).select_from(repository)


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

    def ensure(
        self,
        name: RepositoryName,
        now: datetime,
        visibility: Visibility = Visibility.PRIVATE,
        *,
        may_make_namespace: bool,
    ) -> Repository:
        """Give the repository of this name, made now if it did not exist; safe against races.

        One that is made now can be pulled from by whom `visibility` says, and its namespace is made with it, if it may.

        Raises:
            NamespaceUnknown: there is no such namespace, and it may not be made.
        """
        while (found := self.find(name)) is None:
            if may_make_namespace:
                self._runner.change(_MAKE_NAMESPACE, {"name": name.namespace, "created_at": now})
            namespace_id = self._runner.value(_NAMESPACE_ID, {"this_name": name.namespace})
            if namespace_id is None:
                # It was there when this was allowed, and has been removed since.
                if not may_make_namespace:
                    raise NamespaceUnknown(name.namespace)
                continue
            new = {
                "namespace_id": namespace_id,
                "name": str(name),
                "created_at": now,
                "updated_at": now,
                "visibility": visibility,
            }
            if self._runner.change(_MAKE, new):
                self._note_grams(name)
        return found

    def touch(self, repository_id: int, now: datetime) -> None:
        """Note that something in the repository changed."""
        self._runner.change(_TOUCH, {"this_id": repository_id, "now": now})

    def delete(self, repository_id: int) -> bool:
        """Remove the repository with its links, manifests, tags and their history; False if there was none.

        The bytes of its blobs stay, for other repositories or the collector.
        """
        self._change_grams(repository_id, self._grams(repository_id), frozenset())
        return self._runner.change(_DELETE, {"this_id": repository_id}) > 0

    def summary(self, found: Repository) -> RepositorySummary:
        """Give what a search would tell of the repository `found`."""
        return repository_pages.summaries(self._runner, repository.c.id == found.id)[found.id]

    def description(self, repository_id: int) -> str:
        """Give the whole description of a repository, empty where nobody wrote one."""
        text: str | None = self._runner.value(_DESCRIPTION, {"this_id": repository_id})
        return text or ""

    def describe(self, repository_id: int, text: str) -> None:
        """Make `text` the description of a repository."""
        before = self._grams(repository_id)
        searched = text[: limits.DESCRIPTION_OPENING_CHARACTERS].lower()
        self._runner.change(_DESCRIBE, {"repository_id": repository_id, "text": text, "searched": searched})
        self._change_grams(repository_id, before, self._grams(repository_id))

    def visibility(self, repository_id: int) -> Visibility:
        """Give who may pull from a repository."""
        return Visibility(self._runner.value(_VISIBILITY, {"this_id": repository_id}))

    def set_visibility(self, repository_id: int, visibility: Visibility) -> None:
        """Change who may pull from a repository."""
        self._runner.change(_SHOW, {"this_id": repository_id, "to": visibility})

    def page(self, search: RepositorySearch, visible: Visible) -> RepositoryPage:
        """Give one page of the repositories that `search` describes and that are visible, in its order."""
        return repository_pages.page(self._runner, search, visible)

    def names(self, visible: Visible, limit: int, after: RepositoryName | None) -> list[RepositoryName]:
        """Give up to `limit` of the visible repositories in the byte order of their names, those after `after`."""
        return visible_repositories.names(self._runner, visible, limit, None if after is None else str(after))

    def find_by_text(self, search: Search, visible: Visible) -> FoundPage:
        """Give one page of what `search` finds among the visible repositories, the best first."""
        return repository_search.page(self._runner, search, visible)

    def count(self) -> int:
        """Count all repositories."""
        counted: int = self._runner.value(_COUNT)
        return counted

    def list(self, limit: int, last: RepositoryName | None) -> list[Repository]:
        """Give up to `limit` repositories in the byte order of their names, those after `last` if it is given."""
        if last is None:
            rows = self._runner.rows(_FIRST, {"limit": limit})
        else:
            rows = self._runner.rows(_NEXT, {"limit": limit, "last": str(last)})
        return [_to_repository(row) for row in rows]

    def _note_grams(self, name: RepositoryName) -> None:
        repository_id: int = self._runner.value(_ID, {"this_name": str(name)})
        self._change_grams(repository_id, frozenset(), search_grams.of_text(str(name)))

    def _grams(self, repository_id: int) -> frozenset[str]:
        """By what the repository is found now."""
        row = self._runner.row(_SEARCHED, {"this_id": repository_id})
        return frozenset() if row is None else search_grams.of_text(f"{row[0]} {row[1]}")

    def _change_grams(self, repository_id: int, before: frozenset[str], after: frozenset[str]) -> None:
        gone, new = sorted(before - after), sorted(after - before)
        if gone:
            self._runner.change(_REMOVE_GRAMS, {"this_id": repository_id, "these_grams": gone})
        self._runner.change_many(_ADD_GRAM, [{"gram": gram, "repository_id": repository_id} for gram in new])


def _to_repository(row: Sequence[Any]) -> Repository:
    return Repository(id=row[0], name=RepositoryName.parse(row[1]), created_at=row[2], updated_at=row[3])
