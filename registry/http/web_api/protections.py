"""Protected tags, in the web API: which they are, and who may say so."""

from __future__ import annotations

from aiohttp import web

from registry.auth.permission import Permission
from registry.http.call import Call
from registry.http.routing import RouteTable
from registry.http.web_api import answers, presenting
from registry.http.web_api.operations import describes
from registry.http.web_api.parameters import NoParameters, read_query
from registry.http.web_api.representations import ProtectionList
from registry.services import protections
from registry.services.tag_pattern import TagPattern

routes = RouteTable("api_protections")

_LIST = "/api/v1/repositories/{name}/protections"
_PATH = "/api/v1/repositories/{name}/protections/{pattern}"


@routes.get(_LIST, permission=Permission.PULL)
@describes("List the tags, and patterns of tags, that are protected", answer=ProtectionList)
async def list_protections(call: Call) -> web.StreamResponse:
    """Answer all protections of a repository."""
    read_query(call, NoParameters)
    found = await protections.listing(call.services, call.access)
    return answers.content(presenting.protection_list(call.access.repository, found))


@routes.put(_PATH, permission=Permission.MAINTAIN)
@describes("Protect the tags that fit a pattern, those to come too: none can be moved or removed")
async def protect_tags(call: Call) -> web.StreamResponse:
    """Protect tags, which may be protected already."""
    read_query(call, NoParameters)
    await protections.protect(call.services, call.access, _pattern(call))
    return answers.nothing()


@routes.delete(_PATH, permission=Permission.MAINTAIN)
@describes("Take back the protection by this pattern; what fits another one stays protected")
async def unprotect_tags(call: Call) -> web.StreamResponse:
    """Let tags be moved and removed again."""
    read_query(call, NoParameters)
    await protections.unprotect(call.services, call.access, _pattern(call))
    return answers.nothing()


def _pattern(call: Call) -> TagPattern:
    return TagPattern.parse(call.parameters["pattern"])
