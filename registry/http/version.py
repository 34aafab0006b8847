"""`GET /v2/`: whether this is a registry that the client may talk to (distribution-spec, "Determining Support")."""

from __future__ import annotations

from aiohttp import web

from registry.auth.permission import Permission
from registry.http.call import Call
from registry.http.routing import RouteTable

routes = RouteTable("base")


# A proxy may have dropped the slash at the end.
@routes.get("/v2", permission=Permission.ENTER, at_once=True)
@routes.get("/v2/", permission=Permission.ENTER, at_once=True)
async def check_version(_call: Call) -> web.StreamResponse:
    """Answer that it is one; clients also learn here whether they have to authenticate."""
    return web.Response(body=b"{}", content_type="application/json")
