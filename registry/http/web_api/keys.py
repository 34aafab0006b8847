"""The keys that sign tokens, in the web API."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web
from msgspec import Struct

from registry.auth.permission import Permission
from registry.http.call import Call
from registry.http.routing import RouteTable
from registry.http.web_api import answers
from registry.http.web_api.operations import describes
from registry.http.web_api.parameters import NoParameters, read_body, read_query
from registry.http.web_api.representations import Time
from registry.services import signing
from registry.services.signing import OldKeys

routes = RouteTable("api_keys")

_PATH = "/api/v1/keys"


class Key(Struct, frozen=True):
    """A key that signs tokens. `verifies_until` is null for the one that signs, `algorithm` if it cannot be read."""

    key_id: str
    algorithm: str | None
    created_at: Time
    verifies_until: Time | None


class KeyList(Struct, frozen=True):
    """All keys that are kept, newest first."""

    keys: list[Key]


class KeyRotation(Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of the old keys: they verify until their last tokens have expired, or are refused at once."""

    old_keys: OldKeys = OldKeys.VERIFY


class RotatedKeys(Struct, frozen=True):
    """The key that signs from now on, and what became of the old ones."""

    key_id: str
    old_keys: OldKeys


@routes.get(_PATH, permission=Permission.ADMINISTER)
@describes("List the keys that sign tokens", answer=KeyList)
async def list_keys(call: Call) -> web.StreamResponse:
    """Answer what may be told of all keys."""
    read_query(call, NoParameters)
    found = await signing.listing(call.services, call.subject)
    return answers.content(
        KeyList([Key(each.key_id, each.algorithm, each.created_at, each.verifies_until) for each in found])
    )


@routes.post(_PATH, permission=Permission.ADMINISTER)
@describes(
    "Let a new key sign tokens; where old ones are refused, no process takes their tokens any more after the answer",
    body=KeyRotation,
    answer=RotatedKeys,
    status=HTTPStatus.CREATED,
)
async def rotate_keys(call: Call) -> web.StreamResponse:
    """Make a new key."""
    read_query(call, NoParameters)
    wanted = await read_body(call, KeyRotation)
    key_id = await signing.rotate(call.services, call.subject, wanted.old_keys)
    return answers.made(call, _PATH, RotatedKeys(key_id, wanted.old_keys))
