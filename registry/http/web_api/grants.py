"""Who may do what in which repositories, in the web API."""

from __future__ import annotations

from aiohttp import web

from registry.auth.grantee import Grantee
from registry.auth.pattern import RepositoryPattern
from registry.auth.permission import Permission
from registry.http.call import Call
from registry.http.routing import RouteTable
from registry.http.web_api import answers
from registry.http.web_api.granted_roles import (
    GrantPage,
    OwnerChange,
    RepositoryRoles,
    RoleChange,
    grant_page,
    roles_in_repository,
)
from registry.http.web_api.operations import describes
from registry.http.web_api.parameters import NoParameters, read_body, read_query
from registry.http.web_api.queries import GrantQuery, NameQuery
from registry.services import grants, repository_roles

routes = RouteTable("api_grants")

_PATH = "/api/v1/grants/{who}/{repositories}"


@routes.get("/api/v1/repositories/{name}/grants", permission=Permission.OWN)
@describes("List who may do what in a repository, and by what", query=NameQuery, answer=RepositoryRoles)
async def list_roles(call: Call) -> web.StreamResponse:
    """Answer a page of those who have a role in a repository."""
    query = read_query(call, NameQuery)
    # One more than the page, to learn whether there is a next one.
    found = await repository_roles.show(call.services, call.access, after=query.after, limit=query.limit + 1)
    return answers.page(call, roles_in_repository(call.access.repository, found, query))


@routes.put("/api/v1/repositories/{name}/owner", permission=Permission.OWN)
@describes("Let a repository belong to somebody else than those whom it was granted by its name", body=OwnerChange)
async def change_owner(call: Call) -> web.StreamResponse:
    """Make somebody the owner of a repository."""
    read_query(call, NoParameters)
    change = await read_body(call, OwnerChange)
    await repository_roles.change_owner(call.services, call.access, Grantee.parse(change.owner))
    return answers.nothing()


@routes.get("/api/v1/grants/{who}", permission=Permission.SELF)
@describes(
    "List what was granted to somebody: all of it if they are you or yours, else what you may take back",
    query=GrantQuery,
    answer=GrantPage,
)
async def list_grants(call: Call) -> web.StreamResponse:
    """Answer a page of what was granted to one account or team."""
    query, who = read_query(call, GrantQuery), _who(call)
    found = await grants.listing(call.services, call.subject, who, after=query.after, limit=query.limit + 1)
    return answers.page(call, grant_page(who, found, query))


@routes.put(_PATH, permission=Permission.SELF)
@describes("Grant a role in repositories that are yours, in the place of the one by the same pattern", body=RoleChange)
async def set_grant(call: Call) -> web.StreamResponse:
    """Grant a role to one account, which may have one already."""
    read_query(call, NoParameters)
    who, pattern, change = _who(call), _pattern(call), await read_body(call, RoleChange)
    await grants.put(call.services, call.subject, who, change.role, pattern=pattern)
    return answers.nothing()


@routes.delete(_PATH, permission=Permission.SELF)
@describes("Take back what was granted by this pattern; what others fit, too, stays")
async def remove_grant(call: Call) -> web.StreamResponse:
    """Take a role back."""
    read_query(call, NoParameters)
    await grants.remove(call.services, call.subject, _who(call), _pattern(call))
    return answers.nothing()


def _who(call: Call) -> Grantee:
    return Grantee.parse(call.parameters["who"])


def _pattern(call: Call) -> RepositoryPattern:
    return RepositoryPattern.parse(call.parameters["repositories"])
