"""What `docker search` and `podman search` ask: of version 1 of the Docker Registry API, the search."""

from __future__ import annotations

import json
from typing import Final

from aiohttp import web

from registry import limits
from registry.auth.permission import Permission
from registry.errors import PageSizeInvalid
from registry.http.call import Call
from registry.http.paging import page_size
from registry.http.routing import RouteTable
from registry.services import search
from registry.services.description import headline
from registry.services.search import SearchText

routes = RouteTable("docker_search")

_ENTRIES: Final = 25


@routes.get("/v1/_ping", permission=Permission.PUBLIC)
async def ping(_call: Call) -> web.StreamResponse:
    """Answer that there is a registry, which proves by itself who asks: Docker then sends its credentials along."""
    headers = {"Content-Type": "application/json", "X-Docker-Registry-Standalone": "true"}
    return web.Response(body=json.dumps({"standalone": True}).encode(), headers=headers)


@routes.get("/v1/search", permission=Permission.CATALOG)
async def find_repositories(call: Call) -> web.StreamResponse:
    """Answer a page of what the subject may pull from and the words are found in."""
    text = SearchText.parse(call.query("q") or "")
    entries = min(page_size(call.query("n")) or _ENTRIES, limits.DOCKER_SEARCH_ENTRIES)
    number = _page(call)

    found = await search.repositories(call.services, call.subject, text, limit=entries * number)

    shown = found.repositories[entries * (number - 1) :]
    # There are neither stars nor official images here; Docker leaves out what it does not find in an answer.
    results = [
        {
            "name": str(each.name),
            "description": headline(each.opening),
            "star_count": 0,
            "is_official": False,
            "is_automated": False,
        }
        for each in shown
    ]
    answer = {"query": str(text), "num_results": len(results), "page": number, "page_size": entries, "results": results}
    return web.Response(body=json.dumps(answer).encode(), headers={"Content-Type": "application/json"})


def _page(call: Call) -> int:
    """Which page is asked for, counted from 1.

    Raises:
        PageSizeInvalid: it is no number, or beyond the last page that there can be.
    """
    number = page_size(call.query("page"))
    if number is None:
        return 1
    if not 1 <= number <= limits.DOCKER_SEARCH_PAGES:
        raise PageSizeInvalid
    return number
