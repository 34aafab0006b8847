"""What happens to a request's body that nobody wanted: a little is read, for more the connection is closed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from aiohttp import web

from registry import limits
from registry.errors import BodyIncomplete
from registry.http.connection import Connection
from registry.http.request_body import RequestBody
from registry.http.traffic import Traffic

# After the answer, a client has this long to notice it and stop sending.
_LINGER_S: Final = 2.0


def keeps_connection(request: web.BaseRequest, traffic: Traffic) -> bool:
    """Whether the connection is still of use once `request` is answered; else the answer has to say that it ends.

    It is not when a long body, or one of unknown length, is on its way; nor when the client still holds its body
    back: whether it will send it then, it alone knows; nor when the server is about to stop.
    """
    if isinstance(request.protocol, Connection) and request.protocol.ends_after_answer:
        return False
    if not request.body_exists or request.content.is_eof():
        return True
    length = request.content_length
    return length is not None and length - traffic.received <= limits.DISCARD_BYTES and not traffic.awaits_continue


async def discard(request: web.BaseRequest, traffic: Traffic) -> None:
    """Read on, within bounds, after the answer was sent; then give the connection up if the body has not ended.

    Closing at once would reset the connection, and the client's kernel would throw the answer away unread.
    """
    if request.content.is_eof() or not request.body_exists:
        return
    if not traffic.awaits_continue:
        with suppress(BodyIncomplete, TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                await _read(RequestBody(request, _LINGER_S, traffic))
    if not request.content.is_eof():
        request.protocol.force_close()


async def _read(body: RequestBody) -> None:
    left = limits.LINGER_BYTES
    async for chunk in body:
        left -= len(chunk)
        if left < 0:
            return
