"""The audit log, in the web API."""

from __future__ import annotations

from aiohttp import web

from registry.auth.permission import Permission
from registry.http.call import Call
from registry.http.routing import RouteTable
from registry.http.web_api import answers, presenting
from registry.http.web_api.operations import describes
from registry.http.web_api.parameters import read_query
from registry.http.web_api.queries import AuditQuery
from registry.http.web_api.representations import AuditPage
from registry.services import audit

routes = RouteTable("api_audit")


@routes.get("/api/v1/audit", permission=Permission.ADMINISTER)
@describes("List entries of the audit log, newest first", query=AuditQuery, answer=AuditPage)
async def list_audit(call: Call) -> web.StreamResponse:
    """Answer a page of the audit log."""
    query = read_query(call, AuditQuery)
    # One more than the page, to learn whether there is a next one.
    found = await audit.page(call.services, query.search, query.before, query.limit + 1)
    return answers.page(call, presenting.audit_page(found, query))
