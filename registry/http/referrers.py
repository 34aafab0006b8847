"""What refers to a manifest (distribution-spec, "Listing Referrers")."""

from __future__ import annotations

from aiohttp import web

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_INDEX
from registry.auth.permission import Permission
from registry.http.call import Call
from registry.http.paging import next_link
from registry.http.routing import RouteTable
from registry.services import referrers

routes = RouteTable("referrers")


@routes.get("/v2/{name}/referrers/{digest}", permission=Permission.PULL)
async def list_referrers(call: Call) -> web.StreamResponse:
    """Answer an image index of the manifests whose subject is the digest; an unknown subject has none."""
    digest = call.digest
    types = tuple(filter(None, call.request.query.getall("artifactType", [])))
    last = call.query("last")

    page = await referrers.page(
        call.services, call.access, digest, artifact_types=types, after=Digest.parse(last) if last else None
    )

    headers = {"Content-Type": OCI_INDEX}
    if types:
        headers["OCI-Filters-Applied"] = "artifactType"
    if page.after is not None:
        query = [*(("artifactType", wanted) for wanted in types), ("last", str(page.after))]
        headers["Link"] = next_link(call.location(f"/v2/{call.access.repository}/referrers/{digest}"), query)
    return web.Response(body=page.content, headers=headers)
