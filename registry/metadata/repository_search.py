"""Repositories by what their names and descriptions say, the best first, as far as somebody may see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, case, exists, func, literal, or_, select, union

from registry import limits
from registry.metadata import gram_holders, repository_pages, search_grams, visible_repositories
from registry.metadata.name_stretches import Stretch
from registry.metadata.repository_values import FoundPage
from registry.metadata.rows import Position
from registry.metadata.schema import repository, repository_description, search_gram
from registry.wildcards import WILDCARD

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from registry.metadata.repository_values import Search
    from registry.metadata.statements import Runner
    from registry.metadata.visible import Visible

# What follows the last slash of a name: all but the slash is taken off from its end, and the rest from its beginning.
_LAST_COMPONENT: Final = func.substr(
    repository.c.name,
    func.length(func.rtrim(repository.c.name, func.replace(repository.c.name, "/", ""))) + 1,
)


def page(runner: Runner, search: Search, visible: Visible) -> FoundPage:
    """Give one page of what `search` finds among the visible repositories."""
    grams = [search_grams.of_term(term) for term in search.terms]
    if not all(grams):
        return FoundPage([], None, complete=True)
    few = visible_repositories.few(runner, visible)
    if few is not None:
        return _ranked(runner, search, few, complete=True)
    candidates, complete = _candidates(runner, search, frozenset[str]().union(*grams))
    return _ranked(runner, search, and_(candidates, visible_repositories.is_visible(visible)), complete=complete)


def _ranked(runner: Runner, search: Search, those: ColumnElement[bool], *, complete: bool) -> FoundPage:
    rank = _rank(search).label("rank")
    found = (
        select(repository.c.id, repository.c.name, rank)
        .outerjoin_from(repository, repository_description)
        .where(those, *(_says(term) for term in search.terms))
        .subquery()
    )
    query = select(found.c.id, found.c.rank, found.c.name).order_by(found.c.rank, found.c.name)
    if search.after is not None:
        query = query.where(
            or_(
                found.c.rank > search.after.key,
                and_(found.c.rank == search.after.key, found.c.name > search.after.name),
            )
        )
    rows = runner.rows(query.limit(search.limit + 1))
    chosen = [row[0] for row in rows[: search.limit]]
    summaries = repository_pages.summaries(runner, repository.c.id.in_(chosen))
    after = Position(rows[search.limit - 1][1], rows[search.limit - 1][2]) if len(rows) > search.limit else None
    return FoundPage([summaries[each] for each in chosen], after, complete=complete)


def _candidates(runner: Runner, search: Search, grams: frozenset[str]) -> tuple[ColumnElement[bool], bool]:
    """Say of a repository that the search may find it, and whether that is said of all that it would."""
    holders, are_all = gram_holders.of_rarest(runner, grams)
    beginning = (
        select(repository.c.id)
        .where(Stretch.of(search.text + WILDCARD).holds(repository.c.name))
        .order_by(repository.c.name)
        .limit(limits.LOOKED_AT_REPOSITORIES)
        .subquery()
    )
    return repository.c.id.in_(union(holders, select(beginning.c.id))), are_all


def _says(term: str) -> ColumnElement[bool]:
    """Say that a repository's name, or where its description begins, holds the term."""
    holds = or_(
        repository.c.name.contains(term, autoescape=True),
        repository_description.c.searched.contains(term, autoescape=True),
    )
    if not search_grams.is_short(term):
        return holds
    return and_(
        holds,
        *(
            exists().where(search_gram.c.gram == gram, search_gram.c.repository_id == repository.c.id)
            for gram in sorted(search_grams.of_term(term))
        ),
    )


def _rank(search: Search) -> ColumnElement[int]:
    name = repository.c.name
    return case(
        (name == search.text, 0),
        (name.startswith(search.text, autoescape=True), 1),
        (and_(*(_LAST_COMPONENT.contains(term, autoescape=True) for term in search.terms)), 2),
        (and_(*(name.contains(term, autoescape=True) for term in search.terms)), 3),
        else_=literal(4),
    )
