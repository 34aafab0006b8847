"""The audit log, in the web API: listed, exported and proved."""

from __future__ import annotations

from aiohttp import web

from registry.auth.permission import Permission
from registry.http.call import Call
from registry.http.routing import RouteTable
from registry.http.web_api import answers, lines, presenting
from registry.http.web_api.operations import describes
from registry.http.web_api.parameters import NoParameters, read_query
from registry.http.web_api.queries import AuditFilter, AuditQuery
from registry.http.web_api.representations import AuditEntry, AuditPage, AuditVerification
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


@routes.get("/api/v1/audit/export", permission=Permission.ADMINISTER)
@describes(
    "Export entries of the audit log, oldest first, each a line", query=AuditFilter, answer=AuditEntry, is_lines=True
)
async def export_audit(call: Call) -> web.StreamResponse:
    """Answer all entries of the audit log that are asked for."""
    query = read_query(call, AuditFilter)
    rows = audit.export(call.services, query.search)
    return await lines.answer(call, (presenting.audit_entry(row) async for row in rows))


@routes.get("/api/v1/audit/verification", permission=Permission.ADMINISTER)
@describes("Follow the whole chain of the audit log, which may take a while", answer=AuditVerification)
async def verify_audit(call: Call) -> web.StreamResponse:
    """Answer whether the chain of the audit log holds."""
    read_query(call, NoParameters)
    return answers.content(presenting.audit_verification(await audit.verify(call.services)))
