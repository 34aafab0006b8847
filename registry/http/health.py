"""What orchestrators, load balancers and Prometheus ask."""

from __future__ import annotations

import json

from aiohttp import web

from registry.auth.permission import Permission
from registry.http.call import Call
from registry.http.routing import RouteTable
from registry.services import readiness

routes = RouteTable("health")
metrics_routes = RouteTable("metrics")

_DRAINING = "shutting down"


@routes.get("/healthz", permission=Permission.PUBLIC)
async def check_health(_call: Call) -> web.StreamResponse:
    """Answer that this process answers: a restart would not help it."""
    return _answer(200, {"status": readiness.OK})


@routes.get("/readyz", permission=Permission.PUBLIC)
async def check_readiness(call: Call) -> web.StreamResponse:
    """Answer whether this process can serve now: 503 while the database or the storage fail, or before it stops."""
    parts = await readiness.check(call.services)
    if call.environment.lifecycle.draining:
        parts["process"] = _DRAINING
    ready = all(part == readiness.OK for part in parts.values())
    return _answer(200 if ready else 503, parts)


@metrics_routes.get("/metrics", permission=Permission.OBSERVE)
async def get_metrics(call: Call) -> web.StreamResponse:
    """Answer what all processes of this registry have counted."""
    exposition = call.environment.metrics.render(", ".join(call.request.headers.getall("Accept", ())))
    return web.Response(body=exposition.body, headers={"Content-Type": exposition.content_type})


def _answer(status: int, content: dict[str, str]) -> web.Response:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return web.Response(status=status, body=json.dumps(content).encode(), headers=headers)
