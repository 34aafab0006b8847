"""Logging in with an OpenID provider: which one it is, and a token for its word.

The command that logs in leads its user to the provider (RFC 8628, "OAuth 2.0 Device Authorization Grant"); the registry
sees the outcome only.
"""

from __future__ import annotations

import json
from typing import Final

from aiohttp import web

from registry.auth.permission import Permission
from registry.errors import RouteUnknown
from registry.http.call import Call
from registry.http.forms import read_form
from registry.http.routing import RouteTable
from registry.services.openid_logins import OpenIdLogins

routes = RouteTable("openid_login")

_HEADERS: Final = {"Content-Type": "application/json", "Cache-Control": "no-store"}


@routes.get("/token/openid", permission=Permission.PUBLIC)
async def get_provider(call: Call) -> web.StreamResponse:
    """Answer which provider people log in with, and what to ask it for."""
    rules = _logins(call).rules
    return _answer({"issuer": str(rules.issuer), "client_id": rules.client_id, "scope": rules.scope})


@routes.post("/token/openid", permission=Permission.PUBLIC)
async def log_in(call: Call) -> web.StreamResponse:
    """Answer a new token of whoever the form's ID token is about."""
    logins, form, origin = _logins(call), await read_form(call), call.origin
    done = await logins.by_token(form.get("id_token", ""), form.get("name", ""), origin.address, origin.moment)
    expires_at = done.credential.expires_at
    assert expires_at is not None, "a token of a login ends"
    return _answer({"username": str(done.account), "token": done.secret, "expires_at": expires_at.isoformat()})


def _logins(call: Call) -> OpenIdLogins:
    logins = call.token_server.openid
    if logins is None:
        raise RouteUnknown
    return logins


def _answer(body: dict[str, str]) -> web.Response:
    return web.Response(body=json.dumps(body).encode(), headers=_HEADERS)
