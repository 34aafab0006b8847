"""An OpenID provider in the test's own process: real signatures and documents, over real HTTP."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from registry.config.issuer import IssuerUrl
from tests.registry_client.scripted import Scripted, scripted

KEYS_PATH = "/keys"


def new_key() -> rsa.RSAPrivateKey:
    """A key as providers have them."""
    return rsa.generate_private_key(65537, 2048)


@dataclass
class OpenIdProvider:
    """A provider that signs with the last of `keys` and publishes all of them; `document` is added to what it says."""

    server: Scripted
    keys: dict[str, rsa.RSAPrivateKey]
    document: dict[str, Any] = field(default_factory=dict)
    status: int = 200

    @property
    def issuer(self) -> IssuerUrl:
        """Its name."""
        return IssuerUrl.parse(str(self.server.url).removesuffix("/"))

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What a good token of now holds, with `changes`; a claim that is to be `...` is left out."""
        now = int(time.time())
        good = {"iss": str(self.issuer), "sub": "user-1", "aud": "moorage", "exp": now + 300, "iat": now}
        return {name: value for name, value in {**good, **changes}.items() if value is not ...}

    def token(self, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """A token with these claims, signed by the newest key."""
        key_id, key = list(self.keys.items())[-1]
        return jwt.encode(self.claims(**changes), key, algorithm="RS256", headers={"kid": key_id, **(header or {})})

    @property
    def key_questions(self) -> int:
        """How often its keys were asked for."""
        return self.server.requests.count(f"GET {KEYS_PATH}")

    def answer(self, path: str) -> dict[str, Any] | None:
        """What it says at `path`."""
        if path == "/.well-known/openid-configuration":
            return {"issuer": str(self.issuer), "jwks_uri": f"{self.issuer}{KEYS_PATH}", **self.document}
        if path == KEYS_PATH:
            return {"keys": [_jwk(key, key_id) for key_id, key in self.keys.items()]}
        return None


@asynccontextmanager
async def openid_provider(key: rsa.RSAPrivateKey) -> AsyncIterator[OpenIdProvider]:
    """A provider on the loopback interface with this key, whose id is `1`."""
    provider: OpenIdProvider

    async def script(request: web.Request) -> web.Response:
        content = provider.answer(request.path)
        return web.json_response(content, status=provider.status if content is not None else 404)

    async with scripted(script) as server:
        provider = OpenIdProvider(server, {"1": key})
        yield provider


def _jwk(key: rsa.RSAPrivateKey, key_id: str) -> dict[str, Any]:
    return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "use": "sig", "alg": "RS256"}
