"""Headers that answers bear whatever they answer, also to what is no request."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from registry.observability.request_context import RequestContext

_SERVER: Final = "Moorage"


def add_headers_of_every_answer(response: web.StreamResponse, context: RequestContext) -> None:
    """Name the server and the request, and bind browsers to the content's type."""
    headers = response.headers
    headers["Server"] = _SERVER
    headers["X-Request-ID"] = context.request_id
    # Content is what its type says: a browser must not find a page with scripts in a blob.
    headers["X-Content-Type-Options"] = "nosniff"


def add_api_version(response: web.StreamResponse) -> None:
    """Say which API this is, as Docker's older clients expect it below `/v2/`."""
    response.headers["Docker-Distribution-API-Version"] = "registry/2.0"
