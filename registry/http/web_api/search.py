"""The search for repositories, in the web API."""

from __future__ import annotations

from aiohttp import web

from registry.auth.permission import Permission
from registry.http.call import Call
from registry.http.routing import RouteTable
from registry.http.web_api import answers, presenting
from registry.http.web_api.operations import describes
from registry.http.web_api.parameters import read_query
from registry.http.web_api.queries import FindQuery
from registry.http.web_api.representations import SearchPage
from registry.services import search
from registry.services.search import SearchText

routes = RouteTable("api_search")


@routes.get("/api/v1/search", permission=Permission.CATALOG)
@describes("Find repositories that you may pull from, the best first", query=FindQuery, answer=SearchPage)
async def find_repositories(call: Call) -> web.StreamResponse:
    """Answer a page of what the subject may pull from and what is asked for is said of."""
    query = read_query(call, FindQuery)
    text = SearchText.parse(query.q)
    found = await search.repositories(call.services, call.subject, text, limit=query.limit, after=query.after)
    return answers.page(call, presenting.search_page(found))
