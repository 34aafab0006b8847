"""Repositories as far as somebody may see them, found from what they may see rather than by asking for each.

What is visible comes from sources, each of which an index gives in the order of names: all repositories, the public
ones, those of a namespace, those granted by their names. A page takes as many from each as it has room for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, exists, func, literal_column, or_, select, true, union, union_all

from oci_spec.reference import DEFAULT_NAMESPACE, RepositoryName
from registry.metadata.name_stretches import Stretch, fits
from registry.metadata.schema import member, namespace, repository, role_grant, team_member
from registry.wildcards import WILDCARD

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement, Select, Subquery

    from registry.metadata.statements import Runner
    from registry.metadata.visible import Visible

FEW: Final = 5_000
"""How many visible repositories are few enough to look at all of them, whatever is wanted of them."""

_AT_ONCE: Final = 50
# As a text of the statement: with a parameter neither database would use the index of the public ones.
_IS_PUBLIC: Final = repository.c.visibility == literal_column("'public'")


def names(runner: Runner, visible: Visible, limit: int, after: str | None = None) -> list[RepositoryName]:
    """Give up to `limit` of the visible repositories in the byte order of their names, those after `after`.

    Costs what these cost, however many there are, visible or not; only of a pattern with a `*` in its middle, all names
    that begin as it does are compared with it.
    """
    found: set[str] = set()
    waiting = _sources(runner, visible, after)
    while waiting:
        these, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
        statement = union_all(*(select(each.rows(limit).c.name) for each in these))
        found.update(row[0] for row in runner.rows(statement))
        if len(found) >= limit:
            # What a full page ends with comes before all that these sources have.
            last = sorted(found)[limit - 1]
            waiting = [each for each in waiting if each.stretch.first <= last]
    return [RepositoryName.parse(name) for name in sorted(found)[:limit]]


def few(runner: Runner, visible: Visible) -> ColumnElement[bool] | None:
    """Say of a repository that it is one of the visible ones; None if those are more than `FEW`."""
    if visible.everything and WILDCARD in visible.within:
        return None
    sources = _sources(runner, visible)
    if len(sources) > _AT_ONCE:
        return None
    if not sources:
        return ~true()
    found = [each.rows(FEW + 1) for each in sources]
    some = union_all(*(select(rows.c.id) for rows in found)).limit(FEW + 1).subquery()
    if runner.value(select(func.count()).select_from(some)) > FEW:
        return None
    return repository.c.id.in_(union(*(select(rows.c.id) for rows in found)))


def is_visible(visible: Visible) -> ColumnElement[bool]:
    """Say of a repository that it is visible: some questions to indexes, however many there are and whatever for."""
    narrowed = _fits_any(visible.within)
    if visible.everything:
        return narrowed
    ways: list[ColumnElement[bool]] = [_IS_PUBLIC] if visible.public else [~true()]
    if visible.account_id is not None:
        ways += [_is_owned_by(visible.account_id), _is_granted_to(visible.account_id)]
    return and_(or_(*ways), narrowed)


@dataclass(frozen=True, slots=True)
class _Source:
    """Repositories of one kind, in the order of `column`, which is their name; of these, those in `stretch`."""

    query: Select[Any]
    column: Column[str]
    stretch: Stretch

    def rows(self, limit: int) -> Subquery:
        """The first of them, with id and name."""
        return self.query.where(self.stretch.holds(self.column)).order_by(self.column).limit(limit).subquery()


_ALL: Final = select(repository.c.id, repository.c.name)
_BY_NAME: Final = select(repository.c.id, repository.c.name).join_from(
    role_grant, repository, repository.c.name == role_grant.c.bucket
)


def _sources(runner: Runner, visible: Visible, after: str | None = None) -> list[_Source]:
    """All sources that may have names after `after`, in the order in which they begin."""
    narrowed = [Stretch.of(pattern) for pattern in visible.within]
    if after is not None:
        narrowed = [stretch.after(after) for stretch in narrowed]
    found = [
        _Source(each.query, each.column, each.stretch.within(stretch))
        for each in _unnarrowed(runner, visible)
        for stretch in narrowed
    ]
    return sorted((each for each in found if not each.stretch.is_empty), key=lambda each: each.stretch.first)


def _unnarrowed(runner: Runner, visible: Visible) -> list[_Source]:
    if visible.everything:
        return [_Source(_ALL, repository.c.name, Stretch())]
    found = [_Source(_ALL.where(_IS_PUBLIC), repository.c.name, Stretch())] if visible.public else []
    if visible.account_id is not None:
        found += _of_account(runner, visible.account_id)
    return found


def _of_account(runner: Runner, account_id: int) -> list[_Source]:
    found = []
    for namespace_id, name in runner.rows(_owned_namespaces(account_id)):
        # Names of one component stand anywhere between others.
        stretch = Stretch() if name == DEFAULT_NAMESPACE else Stretch.of(f"{name}/{WILDCARD}")
        found.append(_Source(_ALL.where(repository.c.namespace_id == namespace_id), repository.c.name, stretch))
    teams = [row[0] for row in runner.rows(select(_teams(account_id).c.team_id))]
    for granted in (role_grant.c.account_id == account_id, *(role_grant.c.team_id == team_id for team_id in teams)):
        # A name is its own bucket, so there are as many rows as names were granted, already in their order.
        found.append(_Source(_BY_NAME.where(granted), role_grant.c.bucket, Stretch()))
        for (pattern,) in runner.rows(
            select(role_grant.c.pattern).where(granted, role_grant.c.pattern != role_grant.c.bucket)
        ):
            found.append(_Source(_ALL, repository.c.name, Stretch.of(pattern)))
    return found


def _owned_namespaces(account_id: int) -> Select[Any]:
    return (
        select(namespace.c.id, namespace.c.name)
        .join_from(member, namespace)
        .where(member.c.account_id == account_id, member.c.is_owner == true())
    )


def _teams(account_id: int) -> Subquery:
    return select(team_member.c.team_id).where(team_member.c.account_id == account_id).subquery()


def _is_owned_by(account_id: int) -> ColumnElement[bool]:
    return exists().where(
        member.c.namespace_id == repository.c.namespace_id,
        member.c.account_id == account_id,
        member.c.is_owner == true(),
    )


def _is_granted_to(account_id: int) -> ColumnElement[bool]:
    its_namespace = (
        select(namespace.c.name)
        .where(namespace.c.id == repository.c.namespace_id)
        .correlate(repository)
        .scalar_subquery()
    )
    # The three buckets in which a check looks: see `registry.auth.pattern.buckets`.
    buckets = role_grant.c.bucket.in_([repository.c.name, its_namespace + "/", literal_column("''")])
    pattern = func.replace(func.replace(role_grant.c.pattern, "_", r"\_"), WILDCARD, "%")
    granted = and_(buckets, repository.c.name.like(pattern, escape="\\"))
    to_team = exists().where(
        team_member.c.account_id == account_id, role_grant.c.team_id == team_member.c.team_id, granted
    )
    return or_(exists().where(role_grant.c.account_id == account_id, granted), to_team)


def _fits_any(patterns: Sequence[str]) -> ColumnElement[bool]:
    if WILDCARD in patterns:
        return true()
    exact = [pattern for pattern in patterns if WILDCARD not in pattern]
    return or_(
        repository.c.name.in_(exact), *(fits(repository.c.name, pattern) for pattern in patterns if WILDCARD in pattern)
    )
