"""A token server: GET with a password, POST with a refresh token or a password, tokens that distribution verifies.

(distribution's "Token Authentication Specification", "OAuth2 Token Authentication" and "Token Authentication
Implementation")
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from yarl import URL

from registry_client.scopes import Scope

SERVICE = "peers"
ISSUER = "tests"
_KEY_ID = "key"
_LEEWAY_S = 10


@dataclass
class TokenServer:
    """Grants everything to those who have an account, and to others what `public` says.

    `grants` are the scopes of all tokens, in the order in which they were given, with who asked and by which method.
    """

    accounts: dict[str, str] = field(default_factory=dict)
    refresh_tokens: set[str] = field(default_factory=set)
    public: frozenset[str] = frozenset({"pull"})
    takes_get: bool = True
    takes_post: bool = True
    rotates: bool = False
    life_s: int = 300
    grants: list[tuple[str, str, list[str]]] = field(default_factory=list)
    url: URL = field(default_factory=URL)
    _key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[TokenServer]:
        """The server at work, at `url`."""
        application = web.Application()
        application.router.add_get("/token", self._get)
        application.router.add_post("/token", self._post)
        async with TestServer(application) as server:
            self.url = server.make_url("/token")
            yield self

    def jwks(self) -> str:
        """The key that tokens are verified with (RFC 7517, "JWK Set Format")."""
        public = _text(self._key.public_key().public_bytes_raw())
        return json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": _KEY_ID, "x": public}]})

    def challenge(self, *scopes: str, **more: str) -> str:
        """The `WWW-Authenticate` that leads here."""
        parameters = {"realm": str(self.url), "service": SERVICE, **({"scope": " ".join(scopes)} if scopes else {})}
        return "Bearer " + ",".join(f'{name}="{value}"' for name, value in {**parameters, **more}.items())

    def allows(self, authorization: str | None, scope: str) -> bool:
        """Whether a token of this server allows all of a scope."""
        if authorization is None or not authorization.startswith("Bearer "):
            return False
        claims = json.loads(_bytes(authorization.removeprefix("Bearer ").split(".")[1]))
        asked = Scope.parse(scope)
        return claims["exp"] > time.time() and any(
            f"{access['type']}:{access['name']}" == asked.resource and asked.actions <= set(access["actions"])
            for access in claims["access"]
        )

    async def _get(self, request: web.Request) -> web.Response:
        if not self.takes_get:
            raise web.HTTPMethodNotAllowed("GET", ["POST"])
        user = ""
        if "Authorization" in request.headers:
            login = aiohttp.BasicAuth.decode(request.headers["Authorization"])
            if self.accounts.get(login.login) != login.password:
                return web.json_response({"details": "incorrect username or password"}, status=401)
            user = login.login
        return self._granted("GET", user, request.query.getall("scope", []))

    async def _post(self, request: web.Request) -> web.Response:
        if not self.takes_post:
            raise web.HTTPNotFound
        form = await request.post()
        user, refresh = str(form.get("username", "")), str(form.get("refresh_token", ""))
        known = self.accounts.get(user) == form.get("password") if user else refresh in self.refresh_tokens
        if not known:
            return web.json_response({"error": "invalid_grant", "error_description": "no such grant"}, status=400)
        more = {}
        if refresh and self.rotates:
            self.refresh_tokens = {secrets.token_urlsafe()}
            [more["refresh_token"]] = self.refresh_tokens
        return self._granted("POST", user or "refreshed", str(form.get("scope", "")).split(), **more)

    def _granted(self, method: str, user: str, texts: Iterable[str], **more: str) -> web.Response:
        asked = [Scope.parse(scope) for text in texts for scope in text.split()]
        self.grants.append((method, user, sorted(map(str, asked))))
        token = self._signed([_access(scope, None if user else self.public) for scope in asked])
        return web.json_response({"access_token": token, "expires_in": self.life_s, **more})

    def _signed(self, access: list[dict[str, Any]]) -> str:
        now = int(time.time())
        header = {"typ": "JWT", "alg": "EdDSA", "kid": _KEY_ID}
        claims = {"iss": ISSUER, "sub": "", "aud": SERVICE, "jti": secrets.token_hex(8), "access": access}
        times = {"exp": now + self.life_s, "nbf": now - _LEEWAY_S, "iat": now}
        signed = f"{_text(json.dumps(header).encode())}.{_text(json.dumps({**claims, **times}).encode())}"
        return f"{signed}.{_text(self._key.sign(signed.encode()))}"


def _access(scope: Scope, allowed: frozenset[str] | None) -> dict[str, Any]:
    kind, _, name = scope.resource.partition(":")
    actions = scope.actions if allowed is None else scope.actions & allowed
    return {"type": kind, "name": name, "actions": sorted(actions)}


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
