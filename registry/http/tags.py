"""The tags of a repository (distribution-spec, "Listing Tags")."""

from __future__ import annotations

import json

from aiohttp import web

from oci_spec.reference import Tag
from registry.auth.permission import Permission
from registry.http.call import Call
from registry.http.paging import next_link, page_size
from registry.http.routing import RouteTable
from registry.services import tags

routes = RouteTable("tags")


@routes.get("/v2/{name}/tags/list", permission=Permission.PULL)
async def list_tags(call: Call) -> web.StreamResponse:
    """Answer a page of tags in byte order, with a link to the next one if there is any."""
    last = call.query("last")

    page = await tags.page(call.services, call.access, page_size(call.query("n")), Tag.parse(last) if last else None)

    headers = {"Content-Type": "application/json"}
    if page.more:
        query = {"n": call.query("n") or str(len(page.names)), "last": page.names[-1]}
        headers["Link"] = next_link(call.location(f"/v2/{call.access.repository}/tags/list"), query)
    body = {"name": str(call.access.repository), "tags": page.names}
    return web.Response(body=json.dumps(body).encode(), headers=headers)
