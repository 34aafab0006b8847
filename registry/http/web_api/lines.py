"""Answers of any number of JSON documents, each a line, sent while they are read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import msgspec
from aiohttp import web
from msgspec import Struct

from registry.http.call import Call
from registry.http.sending import send

MEDIA_TYPE: Final = "application/jsonl"
"""The media type of such an answer."""

_BLOCK_BYTES: Final = 64 * 1024


async def answer(call: Call, documents: AsyncIterator[Struct]) -> web.StreamResponse:
    """Answer with `documents`; what goes wrong before the first block is sent is answered as anywhere else.

    Raises:
        TimeoutError: the client takes nothing.
    """
    response = web.StreamResponse(headers={"Content-Type": MEDIA_TYPE, "Cache-Control": "no-cache"})
    if call.request.method == "HEAD":
        return response
    block = bytearray()
    async for document in documents:
        block += msgspec.json.encode(document)
        block += b"\n"
        if len(block) >= _BLOCK_BYTES:
            await _send(call, response, bytes(block))
            block.clear()
    await _send(call, response, bytes(block))
    await response.write_eof()
    return response


async def _send(call: Call, response: web.StreamResponse, block: bytes) -> None:
    if not response.prepared:
        await response.prepare(call.request)
    await send(call, response, block)
