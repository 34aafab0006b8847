"""Uploads: a blob on its way in (distribution-spec, "Pushing blobs")."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from oci_spec.digest import ALGORITHMS, Digest
from oci_spec.errors import DigestInvalid, DigestUnsupported, RepositoryNameInvalid
from oci_spec.reference import RepositoryName
from registry.auth.permission import Permission
from registry.errors import DigestMissing, SizeInvalid, UploadRangeInvalid
from registry.http.call import Call
from registry.http.content_range import parse_content_range
from registry.http.routing import RouteTable
from registry.metadata.rows import Upload
from registry.services import mounts, upload_location, uploads
from registry.services.upload_body import Body

routes = RouteTable("blob_upload")

_COLLECTION = "/v2/{name}/blobs/uploads/"
_SESSION = "/v2/{name}/blobs/uploads/{upload}"
_DEFAULT_ALGORITHM = "sha256"


# Proxies are known to drop the slash at the end.
@routes.post(_COLLECTION, permission=Permission.PUSH)
@routes.post(_COLLECTION.rstrip("/"), permission=Permission.PUSH)
async def start_upload(call: Call) -> web.StreamResponse:
    """Open a session; or mount the blob, or take it whole, where the request has what that needs."""
    mounted = await _mount(call)
    if mounted is not None:
        return _created(call, mounted)
    if call.query("digest") is not None:
        digest = _digest(call)
        await uploads.receive(call.services, call.access, digest, _body(call))
        return _created(call, digest)
    upload = await uploads.start(call.services, call.access, _algorithm(call))
    return web.Response(status=202, headers=_progress(call, upload))


@routes.get(_SESSION, permission=Permission.PUSH)
async def get_upload(call: Call) -> web.StreamResponse:
    """Tell how far the session is, on any Location that was ever given out for it."""
    upload = await uploads.status(call.services, call.access, call.parameters["upload"])
    return web.Response(status=204, headers=_progress(call, upload))


@routes.patch(_SESSION, permission=Permission.PUSH)
async def append_to_upload(call: Call) -> web.StreamResponse:
    """Add a chunk, or a stream of bytes, to the session's end."""
    body = _body(call, at=await _offset_of_location(call))
    async with _telling_where_to_go_on(call):
        upload = await uploads.append(call.services, call.access, call.parameters["upload"], body)
    return web.Response(status=202, headers=_progress(call, upload))


@routes.put(_SESSION, permission=Permission.PUSH)
async def finish_upload(call: Call) -> web.StreamResponse:
    """Close the session, with the last bytes if the request brings some, and make it a blob."""
    digest = _digest(call)
    offset = await _offset_of_location(call)
    # A session may be closed on an older Location, but bytes that were meant for another place are not added.
    body = _body(call, at=offset if call.request.content_length != 0 else None)
    async with _telling_where_to_go_on(call):
        await uploads.finish(call.services, call.access, call.parameters["upload"], digest, body=body)
    return _created(call, digest)


@routes.delete(_SESSION, permission=Permission.PUSH)
async def cancel_upload(call: Call) -> web.StreamResponse:
    """Forget the session. Whoever may push may do this: clients cancel what a failed mount left them."""
    await uploads.cancel(call.services, call.access, call.parameters["upload"])
    return web.Response(status=204)


async def _mount(call: Call) -> Digest | None:
    """The digest that was mounted; None when a session is the answer (distribution-spec, "Mounting a blob")."""
    wanted, source = call.query("mount"), call.query("from")
    if wanted is None:
        return None
    try:
        digest = Digest.parse(wanted)
        repository = RepositoryName.parse(source) if source else None
    except (DigestInvalid, RepositoryNameInvalid):
        # Nothing can be mounted under such names, and a mount that cannot be done is an upload.
        return None
    return digest if await mounts.mount(call.services, call.access, digest, repository) else None


def _digest(call: Call) -> Digest:
    text = call.query("digest")
    if text is None:
        raise DigestMissing
    return Digest.parse(text)


def _algorithm(call: Call) -> str:
    algorithm = call.query("digest-algorithm") or _DEFAULT_ALGORITHM
    if algorithm not in ALGORITHMS:
        raise DigestUnsupported(algorithm, algorithm)
    return algorithm


async def _offset_of_location(call: Call) -> int | None:
    """The offset at which the request's URL was given out, None when it carries no state."""
    state = call.query(upload_location.PARAMETER)
    if state is None:
        return None
    return await upload_location.check_state(call.services, call.access, call.parameters["upload"], state)


def _body(call: Call, *, at: int | None = None) -> Body:
    """The request's body with what it says of itself; without Content-Range it begins `at`, or at the end."""
    declared, length = call.request.headers.get("Content-Range"), call.request.content_length
    if declared is None:
        return Body(call.body, start=at, length=length)
    chunk = parse_content_range(declared)
    if length is not None and length != chunk.size:
        raise SizeInvalid(chunk.size, length)
    return Body(call.body, start=chunk.start, length=chunk.size)


@asynccontextmanager
async def _telling_where_to_go_on(call: Call) -> AsyncIterator[None]:
    """Give a refused chunk's error the headers that a client resumes from."""
    try:
        yield
    except UploadRangeInvalid as error:
        upload = await uploads.status(call.services, call.access, error.upload_id)
        error.resume = _progress(call, upload)
        raise


def _progress(call: Call, upload: Upload) -> Mapping[str, str]:
    state = upload_location.query_state(call.services, upload)
    path = call.location(f"/v2/{upload.repository}/blobs/uploads/{upload.id}")
    return {
        "Location": f"{path}?{upload_location.PARAMETER}={state}",
        # The last byte of all, and `0-0` for none: the form has no other way to say it.
        "Range": f"0-{max(upload.offset - 1, 0)}",
        "Docker-Upload-UUID": upload.id,
    }


def _created(call: Call, digest: Digest) -> web.StreamResponse:
    location = call.location(f"/v2/{call.access.repository}/blobs/{digest}")
    return web.Response(status=201, headers={"Location": location, "Docker-Content-Digest": str(digest)})
