"""Repositories, in the web API."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from registry.auth.permission import Permission
from registry.http.call import Call
from registry.http.routing import RouteTable
from registry.http.web_api import answers, presenting
from registry.http.web_api.operations import describes
from registry.http.web_api.parameters import NoParameters, read_body, read_query
from registry.http.web_api.queries import ProtectedTags, RemovalQuery, RepositoryQuery
from registry.http.web_api.representations import (
    RepositoryChange,
    RepositoryDetail,
    RepositoryPage,
    VisibilityChange,
)
from registry.services import deletion, inspection, repository_settings
from registry.services.description import Description

routes = RouteTable("api_repositories")

_PATH = "/api/v1/repositories/{name}"
_REMOVALS: Final = {
    ProtectedTags.KEEP: deletion.repository,
    ProtectedTags.REMOVE: deletion.repository_with_protected_tags,
}


@routes.get("/api/v1/repositories", permission=Permission.CATALOG)
@describes("List the repositories that you may pull from", query=RepositoryQuery, answer=RepositoryPage)
async def list_repositories(call: Call) -> web.StreamResponse:
    """Answer a page of the repositories that the subject may pull from."""
    query = read_query(call, RepositoryQuery)
    found = await inspection.repositories(call.services, call.subject, query.search)
    return answers.page(call, presenting.repository_page(found, query))


@routes.get(_PATH, permission=Permission.PULL)
@describes("Show a repository", answer=RepositoryDetail)
async def show_repository(call: Call) -> web.StreamResponse:
    """Answer one repository."""
    read_query(call, NoParameters)
    return answers.content(presenting.repository_detail(await inspection.repository(call.services, call.access)))


@routes.patch(_PATH, permission=Permission.MAINTAIN)
@describes("Change what is said of a repository", body=RepositoryChange)
async def change_repository(call: Call) -> web.StreamResponse:
    """Take another description of a repository."""
    read_query(call, NoParameters)
    change = await read_body(call, RepositoryChange)
    await repository_settings.describe(call.services, call.access, Description.parse(change.description))
    return answers.nothing()


@routes.put(f"{_PATH}/visibility", permission=Permission.OWN)
@describes("Let everyone pull from a repository, or only who was granted it", body=VisibilityChange)
async def change_visibility(call: Call) -> web.StreamResponse:
    """Make a repository public or private."""
    read_query(call, NoParameters)
    change = await read_body(call, VisibilityChange)
    await repository_settings.set_visibility(call.services, call.access, change.visibility)
    return answers.nothing()


@routes.delete(_PATH, permission=Permission.DELETE)
@describes(
    "Remove a repository with its tags, their history, its manifests and its upload sessions", query=RemovalQuery
)
async def delete_repository(call: Call) -> web.StreamResponse:
    """Remove a repository with all that is in it."""
    remove = _REMOVALS[read_query(call, RemovalQuery).protected]
    await remove(call.services, call.access)
    return answers.nothing()
