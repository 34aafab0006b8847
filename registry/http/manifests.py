"""Manifests: pulled, pushed and deleted (distribution-spec, "Pulling manifests", "Pushing Manifests")."""

from __future__ import annotations

from functools import partial
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from oci_spec.errors import DigestInvalid, TagInvalid
from oci_spec.reference import Tag
from registry.auth.permission import Permission
from registry.errors import MANIFEST_UNKNOWN, ManifestTooLarge, ParameterInvalid, TagParametersTooMany
from registry.http.call import Call
from registry.http.conditional import entity_tag, is_held
from registry.http.request_body import read_whole
from registry.http.routing import Malformed, RouteTable
from registry.services import deletion, pull, push

routes = RouteTable("manifest")

_PATH = "/v2/{name}/manifests/{reference}"
# What nobody could have pushed is not there.
_UNKNOWN: Final[Malformed] = {TagInvalid: MANIFEST_UNKNOWN, DigestInvalid: MANIFEST_UNKNOWN}


@routes.get(_PATH, permission=Permission.PULL, malformed=_UNKNOWN, at_once=True)
async def get_manifest(call: Call) -> web.StreamResponse:
    """Answer the exact bytes that were pushed, whatever `Accept` says.

    No client of today is helped by 404 or 406: it would only not learn what the manifest is. So nothing is converted,
    nothing varies, and GET and HEAD always agree.
    """
    reference = call.reference
    found = await pull.manifest(call.services, call.access, reference)

    headers = {"Docker-Content-Digest": str(found.digest), "ETag": entity_tag(found.digest)}
    if isinstance(reference, Tag):
        headers["Cache-Control"] = "no-cache"
    if is_held(call.request.headers.getall("If-None-Match", ()), found.digest):
        return web.Response(status=304, headers=headers)
    if call.request.method == "GET":
        call.each_time(partial(pull.note, call.services, found))
    headers["Content-Type"] = found.media_type
    return web.Response(body=found.content, headers=headers)


@routes.put(_PATH, permission=Permission.PUSH)
async def put_manifest(call: Call) -> web.StreamResponse:
    """Store a manifest, and let a tag, or all `tag` parameters beside a digest, name it."""
    reference = call.reference
    tags = _tags(call)
    if tags and isinstance(reference, Tag):
        raise ParameterInvalid("tag", "no such parameter where the path names a tag already")
    most = call.services.settings.manifest_bytes
    content = await read_whole(call.body, most, ManifestTooLarge(most))
    content_type = call.request.headers.get("Content-Type")

    pushed = await push.manifest(
        call.services, call.access, reference, content, content_type=content_type, extra_tags=tags
    )

    headers = CIMultiDict({"Location": call.location(f"/v2/{call.access.repository}/manifests/{pushed.digest}")})
    headers["Docker-Content-Digest"] = str(pushed.digest)
    if pushed.subject is not None:
        headers["OCI-Subject"] = str(pushed.subject)
    headers.extend(("OCI-Tag", str(tag)) for tag in tags)
    return web.Response(status=201, headers=headers)


@routes.delete(_PATH, permission=Permission.DELETE, malformed={TagInvalid: MANIFEST_UNKNOWN})
async def delete_manifest(call: Call) -> web.StreamResponse:
    """End a tag, or remove a manifest with all tags that name it (distribution-spec, "Content Management")."""
    reference = call.reference
    if isinstance(reference, Tag):
        await deletion.tag(call.services, call.access, reference)
    else:
        await deletion.manifest(call.services, call.access, reference)
    return web.Response(status=202)


def _tags(call: Call) -> tuple[Tag, ...]:
    """The `tag` parameters, each once; all of them are legal before any is written."""
    texts = call.request.query.getall("tag", [])
    limit = call.environment.config.limits.tag_parameters
    if len(texts) > limit:
        raise TagParametersTooMany(limit)
    return tuple(Tag.parse(text) for text in dict.fromkeys(texts))
