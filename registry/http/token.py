"""The token server's resource: distribution's "Token Authentication" (GET) and "OAuth2 Token Authentication" (POST).

A workload may exchange the token of another issuer for one of ours (RFC 8693, "OAuth 2.0 Token Exchange").
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from registry import limits
from registry.auth import token_scope
from registry.auth.account_name import AccountName
from registry.auth.permission import Permission
from registry.auth.secret_text import SecretKind
from registry.auth.subject import ANONYMOUS, BEARER, Subject
from registry.errors import AccountNameInvalid, LoginFailed, ParameterInvalid
from registry.http.call import Call
from registry.http.forms import read_form
from registry.http.other_sites import is_for_another_site
from registry.http.routing import RouteTable
from registry.services.token_server import Granted

routes = RouteTable("token")

_REFRESH: Final = frozenset({SecretKind.REFRESH})
# RFC 8693, section 3.
_TOKEN_TYPE: Final = "urn:ietf:params:oauth:token-type"  # noqa: S105 - no token
_SUBJECT_TOKENS: Final = (f"{_TOKEN_TYPE}:id_token", f"{_TOKEN_TYPE}:jwt")
# RFC 6749, "Successful Response".
_HEADERS: Final = {"Content-Type": "application/json", "Cache-Control": "no-store"}


@routes.get("/token", permission=Permission.PUBLIC)
async def get_token(call: Call) -> web.StreamResponse:
    """Answer a token for whoever the request's Basic credentials prove, with what they may do of the asked scopes."""
    query = call.request.query
    _require_login(call.subject, query.get("account", ""))
    # A page of another site cannot read the answer, but it must not make clients that stay logged in either.
    fields = {} if is_for_another_site(call.request) else query
    return _answer(await _granted(call, call.subject, query.getall("scope", []), fields))


@routes.post("/token", permission=Permission.PUBLIC)
async def post_token(call: Call) -> web.StreamResponse:
    """Answer a token for whoever the form's password, refresh token or workload's token proves."""
    form = await read_form(call)
    subject, refresh_token = await _proved(call, form)
    granted = await _granted(call, subject, form.getall("scope", []), form)
    return _answer(granted, refresh_token)


async def _granted(call: Call, subject: Subject, scopes: list[str], fields: Mapping[str, str]) -> Granted:
    wants_refresh = fields.get("offline_token") == "true" or fields.get("access_type") == "offline"
    return await call.token_server.grant(
        subject,
        token_scope.parse(scopes),
        client=_client(fields),
        offline_at=call.origin.moment if wants_refresh else None,
    )


async def _proved(call: Call, form: Mapping[str, str]) -> tuple[Subject, str | None]:
    """Whom the form proves, and by which refresh token: clients keep using it."""
    logins = call.token_server.logins
    match form.get("grant_type"):
        case "password":
            name, password = form.get("username", ""), form.get("password", "")
            return (await logins.by_name(name, password, call.origin) if name or password else ANONYMOUS), None
        case "refresh_token":
            secret = form.get("refresh_token", "")
            return await logins.by_secret(secret, call.origin, _REFRESH), secret
        case "urn:ietf:params:oauth:grant-type:token-exchange":
            return await _exchanged(call, form), None
        case _:
            raise ParameterInvalid("grant_type", "password, refresh_token or that of a token exchange")


async def _exchanged(call: Call, form: Mapping[str, str]) -> Subject:
    if form.get("subject_token_type") not in _SUBJECT_TOKENS:
        raise ParameterInvalid("subject_token_type", f"one of {', '.join(_SUBJECT_TOKENS)}")
    name = form.get("username", "")
    try:
        robot = AccountName.parse(name) if name else None
    except AccountNameInvalid:
        raise LoginFailed from None
    workloads, origin = call.token_server.logins.workloads, call.origin
    return await workloads.by_token(form.get("subject_token", ""), robot, origin.address, origin.moment)


def _require_login(subject: Subject, account: str) -> None:
    """Refuse a token to the bearer of one, who could live on for ever, and for another account than was proved."""
    proof = subject.proof
    if proof is not None and (proof.kind == BEARER or (account and account != subject.name)):
        raise LoginFailed


def _client(fields: Mapping[str, str]) -> str:
    name = fields.get("client_id", "")[: limits.CLIENT_NAME_CHARACTERS]
    return "".join(character for character in name if character.isprintable())


def _answer(granted: Granted, refresh_token: str | None = None) -> web.Response:
    token = granted.token
    body: dict[str, object] = {
        "token": token.text,
        "access_token": token.text,
        "token_type": "Bearer",
        "issued_token_type": f"{_TOKEN_TYPE}:access_token",
        "expires_in": token.lifetime_s,
        "issued_at": token.issued_at.isoformat().replace("+00:00", "Z"),
        "scope": " ".join(map(str, granted.scopes)),
    }
    if (kept := granted.refresh_token or refresh_token) is not None:
        body["refresh_token"] = kept
    return web.Response(body=json.dumps(body).encode(), headers=_HEADERS)
