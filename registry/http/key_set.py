"""`/.well-known/jwks.json`: what others verify the registry's tokens with (RFC 7517, "JWK Set Format")."""

from __future__ import annotations

import asyncio
import json
from typing import Final

from aiohttp import web

from registry.auth.permission import Permission
from registry.http.call import Call
from registry.http.routing import RouteTable

routes = RouteTable("key_set")

# Short, for a key that is refused at once has to go from caches, too.
_HEADERS: Final = {"Content-Type": "application/jwk-set+json", "Cache-Control": "public, max-age=60"}


@routes.get("/.well-known/jwks.json", permission=Permission.PUBLIC)
async def get_key_set(call: Call) -> web.StreamResponse:
    """Answer the public keys of all tokens that can be valid now."""
    # In a thread: where nobody logs in, their library is loaded by the first who asks.
    signing_keys = await asyncio.to_thread(lambda: call.services.signing_keys)
    keys = await signing_keys.public_keys()
    return web.Response(body=json.dumps(keys).encode(), headers=_HEADERS)
