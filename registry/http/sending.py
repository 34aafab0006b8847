"""The body of an answer, sent piece by piece."""

from __future__ import annotations

from aiohttp import web

from registry.http.call import Call
from registry.http.progress import untaken_by_client, while_taken


async def send(call: Call, response: web.StreamResponse, content: bytes) -> None:
    """Send the next piece of a body; a slow client is waited for.

    Raises:
        TimeoutError: nothing was taken for as long as the configuration allows.
    """
    if content:
        stall_s = call.environment.config.limits.stall_s
        await while_taken(response.write(content), lambda: untaken_by_client(call.request), stall_s)
        call.traffic.add_sent(len(content))
