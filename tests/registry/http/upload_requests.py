"""Requests of an upload, as clients make them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from oci_spec.digest import Digest
from tests.registry.http.serving import Answer, Client

UPLOADS = "/v2/team/app/blobs/uploads/"
CONTENT = b"0123456789"


async def start(client: Client, query: str = "") -> str:
    """Open a session; its Location."""
    answer = await client.ask("POST", f"{UPLOADS}{query}")
    assert answer.status == 202
    return answer.headers["Location"]


async def patch(client: Client, location: str, data: bytes, content_range: str | None = None) -> Answer:
    """Append bytes, as a chunk if they have a range."""
    headers = {"Content-Range": content_range} if content_range is not None else {}
    return await client.ask("PATCH", location, data=data, headers=headers)


def closing(location: str, digest: Digest) -> str:
    """Where to close the session."""
    return f"{location}&digest={digest}"


async def chunked(*chunks: bytes) -> AsyncIterator[bytes]:
    """A body whose length nobody knows."""
    for chunk in chunks:
        yield chunk
