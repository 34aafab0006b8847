"""Grants and the roles that they give, in the form that the web API takes and answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from oci_spec.reference import RepositoryName
from registry.auth.grantee import Grantee
from registry.auth.roles import Role
from registry.http.web_api import cursors
from registry.http.web_api.queries import GrantQuery, NameQuery, PageQuery
from registry.http.web_api.representations import Time
from registry.metadata import account_rows
from registry.metadata.rows import Visibility
from registry.services import repository_roles


class RoleChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody shall be in some repositories: each role may do all that those before it may."""

    role: Role


class OwnerChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose a repository shall be: a user's or a team's, who may do everything in it then."""

    owner: Annotated[
        str, Meta(description="The name, of a team with its organisation.", examples=["alice", "@org/ops"])
    ]


class Grant(Struct, frozen=True):
    """A role in a repository, or in all that a pattern with `*` fits."""

    repository: str
    role: Role
    created_at: Time
    created_by: str


class GrantPage(Struct, frozen=True):
    """Some of what was granted to somebody, by namespace and pattern; `next_cursor` leads to the next."""

    name: str
    grants: list[Grant]
    next_cursor: str | None


class RoleSource(Struct, frozen=True):
    """What gives a role: a grant for `repository`, which may be a pattern, to the holder or to a `team` of theirs.

    Without `repository` it is that the holder owns the namespace.
    """

    role: Role
    repository: str | None
    team: str | None


class RoleHolder(Struct, frozen=True):
    """A user, a robot, or a team such as `@team/builders`: the role that counts, and all that gives one."""

    name: str
    role: Role
    sources: list[RoleSource]


class RepositoryRoles(Struct, frozen=True):
    """Some who have a role in a repository, by name; from a public one everyone may pull besides.

    Administrators are not told: they may do everything anywhere. `next_cursor` leads to the next.
    """

    repository: str
    visibility: Visibility
    roles: list[RoleHolder]
    next_cursor: str | None


def grant_page(who: Grantee, found: Sequence[account_rows.Grant], query: GrantQuery) -> GrantPage:
    """A page of what was granted to `who`, from grants that were asked for one further than the page."""
    return GrantPage(
        name=str(who),
        grants=[
            Grant(
                repository=grant.pattern,
                role=Role(grant.role),
                created_at=grant.created_at,
                created_by=grant.created_by,
            )
            for grant in found[: query.limit]
        ],
        next_cursor=_next([grant.pattern for grant in found], query),
    )


def roles_in_repository(
    name: RepositoryName, found: repository_roles.RepositoryRoles, query: NameQuery
) -> RepositoryRoles:
    """A page of who may do what in a repository, from holders that were asked for one further than the page."""
    return RepositoryRoles(
        repository=str(name),
        visibility=found.visibility,
        roles=[_holder(each) for each in found.holders[: query.limit]],
        next_cursor=_next([each.name for each in found.holders], query),
    )


def _holder(found: repository_roles.Holder) -> RoleHolder:
    sources = [RoleSource(source.role, source.pattern, source.team) for source in found.sources]
    return RoleHolder(name=found.name, role=found.role, sources=sources)


def _next(names: Sequence[str], query: PageQuery) -> str | None:
    return cursors.write_name(names[query.limit - 1]) if len(names) > query.limit else None
