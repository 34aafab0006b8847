"""Lists of repositories as people read them: searched, sorted, a page at a time, as far as somebody may see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, func, or_, select, true

from oci_spec.reference import RepositoryName
from registry import limits
from registry.metadata import gram_holders, search_grams, visible_repositories
from registry.metadata.repository_values import RepositoryPage
from registry.metadata.rows import Direction, Position, RepositorySort, RepositorySummary, Visibility
from registry.metadata.schema import repository, repository_description, tag
from registry.metadata.statements import past

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from sqlalchemy import ColumnElement, Select

    from registry.metadata.rows import RepositorySearch
    from registry.metadata.statements import Runner
    from registry.metadata.visible import Visible

_TAGS: Final = (
    select(func.count()).where(tag.c.repository_id == repository.c.id, tag.c.valid_until.is_(None)).scalar_subquery()
)
_SUMMARIES: Final = select(
    repository.c.id,
    repository.c.name,
    repository.c.created_at,
    repository.c.updated_at,
    _TAGS,
    repository.c.visibility,
    func.coalesce(func.substr(repository_description.c.text, 1, limits.DESCRIPTION_OPENING_CHARACTERS), ""),
    repository.c.pulls,
    repository.c.pulled_at,
).outerjoin_from(repository, repository_description)

_SORTS: Final = {
    RepositorySort.NAME: repository.c.name,
    RepositorySort.CREATED: repository.c.created_at,
    RepositorySort.UPDATED: repository.c.updated_at,
    RepositorySort.PULLS: repository.c.pulls,
}


def page(runner: Runner, search: RepositorySearch, visible: Visible) -> RepositoryPage:
    """Give one page of the repositories that `search` describes and that are visible, in its order."""
    if search.sort is RepositorySort.NAME and search.direction is Direction.ASCENDING and not search.text:
        return _by_name(runner, search, visible)
    few = visible_repositories.few(runner, visible)
    if few is not None:
        return _page(runner, search, few, None)
    visible_ones = visible_repositories.is_visible(visible)
    text = search.text.lower()
    if not search_grams.is_short(text):
        holders, are_all = gram_holders.of_rarest(runner, search_grams.of_term(text))
        if are_all:
            return _page(runner, search, and_(repository.c.id.in_(holders), visible_ones), None)
    return _page(runner, search, visible_ones, _last_looked_at(runner, search))


def summaries(runner: Runner, those: ColumnElement[bool]) -> dict[int, RepositorySummary]:
    """Give what a listing shows of `those` repositories, by their ids."""
    return {row[0]: _to_summary(row) for row in runner.rows(_SUMMARIES.where(those))}


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


def _by_name(runner: Runner, search: RepositorySearch, visible: Visible) -> RepositoryPage:
    after = None if search.after is None else search.after.name
    names = visible_repositories.names(runner, visible, search.limit + 1, after)
    found = summaries(runner, repository.c.name.in_(list(map(str, names[: search.limit]))))
    page = sorted(found.values(), key=lambda summary: summary.name)
    return RepositoryPage(page, page[-1].position(search.sort) if len(names) > search.limit else None)


def _page(runner: Runner, search: RepositorySearch, those: ColumnElement[bool], end: Position | None) -> RepositoryPage:
    """The page, of `those` repositories up to `end`."""
    query = _in_order(select(repository.c.id), search).where(those, _matches(search)).limit(search.limit + 1)
    if end is not None:
        query = query.where(_up_to(end, search))
    # Chosen before they are described: an index may tell all that is asked of those which are passed over.
    chosen = [row[0] for row in runner.rows(query)]
    described = summaries(runner, repository.c.id.in_(chosen[: search.limit]))
    page = [described[repository_id] for repository_id in chosen[: search.limit]]
    return RepositoryPage(page, page[-1].position(search.sort) if len(chosen) > search.limit else end)


def _last_looked_at(runner: Runner, search: RepositorySearch) -> Position | None:
    """The place where looking for what fills the page ends; None: at the end of all repositories."""
    bounded = _in_order(select(_SORTS[search.sort], repository.c.name), search)
    row = runner.row(bounded.offset(limits.LOOKED_AT_REPOSITORIES - 1).limit(1))
    return None if row is None else Position(row[0], row[1])


def _in_order(query: Select[Any], search: RepositorySearch) -> Select[Any]:
    """`query`, in the order of the search, from where its page begins."""
    key = _SORTS[search.sort]
    query = query.order_by(key.desc() if search.direction is Direction.DESCENDING else key, repository.c.name)
    return query if search.after is None else query.where(past(search.after, key, repository.c.name, search.direction))


def _up_to(end: Position, search: RepositorySearch) -> ColumnElement[bool]:
    key = _SORTS[search.sort]
    before = key > end.key if search.direction is Direction.DESCENDING else key < end.key
    return or_(before, and_(key == end.key, repository.c.name <= end.name))


def _matches(search: RepositorySearch) -> ColumnElement[bool]:
    # Names have no capital letters.
    return repository.c.name.contains(search.text.lower(), autoescape=True) if search.text else true()
