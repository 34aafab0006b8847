"""Blobs: pulled and deleted (distribution-spec, "Pulling blobs", "Deleting blobs")."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from oci_spec.errors import DigestUnsupported
from registry.auth.permission import Permission
from registry.errors import BLOB_UNKNOWN
from registry.http.blob_response import blob_headers, send_blob
from registry.http.call import Call
from registry.http.conditional import is_held
from registry.http.routing import Malformed, RouteTable
from registry.services import deletion, pull

routes = RouteTable("blob")

_PATH = "/v2/{name}/blobs/{digest}"
# A push asks whether the blob is there, and goes on only after 200 or 404: one under a digest that cannot be computed
# here is not.
_UNKNOWN: Final[Malformed] = {DigestUnsupported: BLOB_UNKNOWN}


@routes.get(_PATH, permission=Permission.PULL, malformed=_UNKNOWN, at_once=True)
async def get_blob(call: Call) -> web.StreamResponse:
    """Answer the blob, or the parts of it that `Range` names."""
    blob = await pull.blob(call.services, call.access, call.digest)
    if is_held(call.request.headers.getall("If-None-Match", ()), blob.digest):
        return web.Response(status=304, headers=blob_headers(blob))
    return await send_blob(call, blob)


@routes.head(_PATH, permission=Permission.PULL, malformed=_UNKNOWN, at_once=True)
async def head_blob(call: Call) -> web.StreamResponse:
    """Answer what GET would say of the whole blob, without opening it."""
    blob = await pull.blob(call.services, call.access, call.digest)
    if is_held(call.request.headers.getall("If-None-Match", ()), blob.digest):
        return web.Response(status=304, headers=blob_headers(blob))
    return web.Response(headers=blob_headers(blob) | {"Content-Length": str(blob.size)})


@routes.delete(_PATH, permission=Permission.DELETE)
async def delete_blob(call: Call) -> web.StreamResponse:
    """Take the blob out of this repository."""
    await deletion.blob(call.services, call.access, call.digest)
    return web.Response(status=202)
