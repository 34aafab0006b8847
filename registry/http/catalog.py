"""The repositories of the registry: Docker Registry HTTP API V2, "Listing Repositories"."""

from __future__ import annotations

import json

from aiohttp import web

from oci_spec.reference import RepositoryName
from registry.auth.permission import Permission
from registry.http.call import Call
from registry.http.paging import next_link, page_size
from registry.http.routing import RouteTable
from registry.services import catalog

routes = RouteTable("catalog")


@routes.get("/v2/_catalog", permission=Permission.CATALOG)
async def list_repositories(call: Call) -> web.StreamResponse:
    """Answer a page of the names that the subject may pull from, with a link to the next one if there is any."""
    last = call.query("last")

    page = await catalog.page(
        call.services, call.subject, page_size(call.query("n")), RepositoryName.parse(last) if last else None
    )

    headers = {"Content-Type": "application/json"}
    if page.more:
        query = {"n": call.query("n") or str(len(page.names)), "last": page.names[-1]}
        headers["Link"] = next_link(call.location("/v2/_catalog"), query)
    return web.Response(body=json.dumps({"repositories": page.names}).encode(), headers=headers)
