"""Tags, in the web API: what they name, what they named, and where they shall point."""

from __future__ import annotations

from aiohttp import web

from oci_spec.digest import Digest
from oci_spec.reference import Tag
from registry.auth.permission import Permission
from registry.http.call import Call
from registry.http.routing import RouteTable
from registry.http.web_api import answers, presenting
from registry.http.web_api.operations import describes
from registry.http.web_api.parameters import NoParameters, read_body, read_query
from registry.http.web_api.queries import HistoryQuery, TagQuery
from registry.http.web_api.representations import (
    RestoredTag,
    TagDetail,
    TagHistory,
    TagPage,
    TagRestoration,
    TagTarget,
)
from registry.services import deletion, image_description, inspection, tags

routes = RouteTable("api_tags")

_LIST = "/api/v1/repositories/{name}/tags"
_PATH = "/api/v1/repositories/{name}/tags/{tag}"


@routes.get(_LIST, permission=Permission.PULL)
@describes("List the tags of a repository", query=TagQuery, answer=TagPage)
async def list_tags(call: Call) -> web.StreamResponse:
    """Answer a page of a repository's tags, with what they name."""
    query = read_query(call, TagQuery)
    found = await inspection.tags(call.services, call.access, query.search)
    return answers.page(call, presenting.tag_page(call.access.repository, found, query))


@routes.get(_PATH, permission=Permission.PULL)
@describes("Show a tag: its images, how they run, their layers and how they were built", answer=TagDetail)
async def show_tag(call: Call) -> web.StreamResponse:
    """Answer all that is known about a tag and what it leads to."""
    read_query(call, NoParameters)
    found = await image_description.tag(call.services, call.access, _tag(call))
    return answers.content(presenting.tag_detail(call.access.repository, found))


@routes.put(_PATH, permission=Permission.MAINTAIN)
@describes("Let a tag, new or not, name a manifest of the same repository", body=TagTarget)
async def point_tag(call: Call) -> web.StreamResponse:
    """Let a tag name a manifest that the repository holds."""
    read_query(call, NoParameters)
    tag, target = _tag(call), await read_body(call, TagTarget)
    await tags.point(call.services, call.access, tag, Digest.parse(target.digest))
    return answers.nothing()


@routes.delete(_PATH, permission=Permission.DELETE)
@describes("Remove a tag; the manifest that it names stays, and so do its other tags and its history")
async def delete_tag(call: Call) -> web.StreamResponse:
    """Let a tag name nothing any more."""
    read_query(call, NoParameters)
    await deletion.tag(call.services, call.access, _tag(call))
    return answers.nothing()


@routes.post(f"{_PATH}/restore", permission=Permission.MAINTAIN)
@describes("Let a tag name again what it named before, also one that is gone", body=TagRestoration, answer=RestoredTag)
async def restore_tag(call: Call) -> web.StreamResponse:
    """Let a tag name again a manifest of its history."""
    read_query(call, NoParameters)
    tag, wanted = _tag(call), await read_body(call, TagRestoration)
    target = wanted.steps if wanted.digest is None else Digest.parse(wanted.digest)
    digest = await tags.restore(call.services, call.access, tag, target)
    return answers.content(RestoredTag(str(call.access.repository), str(tag), str(digest)))


@routes.get(f"{_PATH}/history", permission=Permission.PULL)
@describes("Show what a tag has named, also one that is gone", query=HistoryQuery, answer=TagHistory)
async def show_history(call: Call) -> web.StreamResponse:
    """Answer a page of what a tag has named, newest first."""
    query = read_query(call, HistoryQuery)
    tag = _tag(call)
    # One more than the page, to learn whether there is a next one.
    found = await tags.history(call.services, call.access, tag, query.limit + 1, before=query.before)
    return answers.page(call, presenting.tag_history(call.access.repository, tag, found, query))


def _tag(call: Call) -> Tag:
    return Tag.parse(call.parameters["tag"])
