"""Where the web API describes itself."""

from __future__ import annotations

from functools import cache
from typing import Final

import msgspec
from aiohttp import web

from registry.auth.permission import Permission
from registry.http.call import Call
from registry.http.routing import Route, RouteTable
from registry.http.web_api import (
    accounts,
    audit,
    grants,
    keys,
    openapi,
    organisations,
    protections,
    repositories,
    robots,
    search,
    status,
    tags,
    teams,
    workloads,
)

routes = RouteTable("api_document")

DESCRIBED: Final[tuple[Route, ...]] = (
    *repositories.routes,
    *search.routes,
    *tags.routes,
    *protections.routes,
    *grants.routes,
    *accounts.routes,
    *keys.routes,
    *organisations.routes,
    *teams.routes,
    *robots.routes,
    *workloads.routes,
    *audit.routes,
    *status.routes,
)
"""The routes that the document is about."""


@routes.get("/api/v1/openapi.json", permission=Permission.PUBLIC)
async def show_document(call: Call) -> web.StreamResponse:
    """Answer the web API's own description, in OpenAPI 3.1."""
    headers = {"Content-Type": "application/json", "Cache-Control": "no-cache"}
    return web.Response(body=_document(call.location("") or "/"), headers=headers)


@cache
def _document(server: str) -> bytes:
    return msgspec.json.format(msgspec.json.encode(openapi.document(DESCRIBED, server)), indent=2)
