"""How the registry is, in the web API."""

from __future__ import annotations

from aiohttp import web
from msgspec import Struct

from registry.auth.permission import Permission
from registry.http.call import Call
from registry.http.routing import RouteTable
from registry.http.web_api import answers
from registry.http.web_api.operations import describes
from registry.http.web_api.parameters import NoParameters, read_query
from registry.http.web_api.representations import Time
from registry.services import status

routes = RouteTable("api_status")


class NodeStatus(Struct, frozen=True):
    """A node; `advertise_url` is where it can be reached itself. One that is not alive has not been seen lately."""

    name: str
    host: str
    version: str
    advertise_url: str | None
    workers: int
    started_at: Time
    seen_at: Time
    is_alive: bool


class JobStatus(Struct, frozen=True):
    """A periodic job, and the process that owns it; null where none does."""

    name: str
    owner: str | None
    until: Time | None


class RegistryStatus(Struct, frozen=True):
    """The registry as its database knows it: `blobs` of `blob_bytes` are stored, each once."""

    version: str
    installation: str | None
    schema_revision: str | None
    nodes: list[NodeStatus]
    jobs: list[JobStatus]
    unwritten_changes: int
    oldest_unwritten_change: Time | None
    uploads: int
    blobs: int
    blob_bytes: int


@routes.get("/api/v1/status", permission=Permission.ADMINISTER)
@describes("Tell the nodes, who does which job, what waits to be done, and what is stored", answer=RegistryStatus)
async def get_status(call: Call) -> web.StreamResponse:
    """Answer the status of the whole registry."""
    read_query(call, NoParameters)
    found = await status.of(call.services, call.subject)
    return answers.content(
        RegistryStatus(
            version=found.version,
            installation=found.installation,
            schema_revision=found.schema_revision,
            nodes=[
                NodeStatus(
                    name=each.node.name,
                    host=each.node.host,
                    version=each.node.version,
                    advertise_url=each.node.url,
                    workers=each.node.workers,
                    started_at=each.node.started_at,
                    seen_at=each.node.seen_at,
                    is_alive=each.is_alive,
                )
                for each in found.nodes
            ],
            jobs=[JobStatus(each.name, each.owner, each.until) for each in found.jobs],
            unwritten_changes=found.unwritten_changes.waiting,
            oldest_unwritten_change=found.unwritten_changes.oldest,
            uploads=found.uploads,
            blobs=found.storage.blobs,
            blob_bytes=found.storage.size,
        )
    )
