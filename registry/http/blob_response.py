"""A blob as an answer: whole, in part or in parts; out of the page cache, from a file, or in blocks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from typing import Final

from aiohttp import web

from registry.http.call import Call
from registry.http.conditional import allows_range, entity_tag
from registry.http.direct import DirectConnection
from registry.http.ranges import ByteRange, parse_range
from registry.http.sendfile import FileSender
from registry.http.sending import send
from registry.metadata.rows import LinkedBlob
from registry.services import pull
from storage_backends.contract import BlobReader

_CONTENT_TYPE: Final = "application/octet-stream"
# A blob never changes; whoever holds it need not ask again.
_CACHE_CONTROL: Final = "max-age=31536000"


def blob_headers(blob: LinkedBlob) -> dict[str, str]:
    """What every answer about `blob` says of it, but for its length."""
    return {
        "Content-Type": _CONTENT_TYPE,
        "Docker-Content-Digest": str(blob.digest),
        "ETag": entity_tag(blob.digest),
        "Accept-Ranges": "bytes",
        "Cache-Control": _CACHE_CONTROL,
    }


async def send_blob(call: Call, blob: LinkedBlob) -> web.StreamResponse:
    """Answer with `blob`, or with what `Range` asks for (RFC 9110, "Partial Content").

    Raises:
        RangeNotSatisfiable: no part that was asked for lies inside the blob.
        StorageError: the bytes cannot be read; once the answer has begun, this ends the connection.
    """
    header = call.request.headers.get("Range")
    conditional = allows_range(call.request.headers.get("If-Range"), blob.digest)
    answer = _Answer(blob, parse_range(header if conditional else None, blob.size))
    content = call.services.store.read_cached(blob.key, blob.size)
    if content is not None:
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body_of(content))
    call.take_time()
    if answer.is_plain and not _is_proxied(call):
        location = await pull.elsewhere(call.services, blob)
        if location is not None:
            return _redirect(blob, location)
    async with await pull.open_blob(call.services, call.access, blob) as reader:
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        response.content_length = answer.size
        await response.prepare(call.request)
        descriptor = reader.fileno()
        if _is_encrypted(call.request):
            await _encrypt_blocks(call, answer, response, reader)
        elif descriptor is None:
            await _send_blocks(call, answer, response, reader)
        else:
            await _send_file(call, answer, response, descriptor)
        await response.write_eof()
        return response


class _Answer:
    """Status, headers and layout of an answer with the given parts of a blob; no parts stand for the whole."""

    def __init__(self, blob: LinkedBlob, parts: tuple[ByteRange, ...]) -> None:
        self.status = 206 if parts else 200
        self.headers = blob_headers(blob)
        self._parts = parts or (ByteRange(0, blob.size),)
        self._heads = [b""] * len(self._parts)
        self._end = b""
        if len(parts) == 1:
            self.headers["Content-Range"] = parts[0].content_range(blob.size)
        elif parts:
            boundary = os.urandom(16).hex()
            self.headers["Content-Type"] = f"multipart/byteranges; boundary={boundary}"
            self._heads = [_head(boundary, part, blob.size) for part in parts]
            self._end = f"\r\n--{boundary}--\r\n".encode()
        self.size = sum(part.size for part in self._parts) + sum(map(len, self._heads)) + len(self._end)

    @property
    def is_plain(self) -> bool:
        """Whether this is the blob or one part of it, as other servers can give it, too."""
        return len(self._parts) == 1

    def pieces(self) -> Iterator[bytes | ByteRange]:
        """The body in order: bytes of its own, and parts of the blob."""
        for head, part in zip(self._heads, self._parts, strict=True):
            yield head
            yield part
        yield self._end

    def body_of(self, content: bytes) -> bytes:
        """The whole body, made of the blob's `content`."""
        return b"".join(
            piece if isinstance(piece, bytes) else content[piece.start : piece.stop] for piece in self.pieces()
        )


def _head(boundary: str, part: ByteRange, total: int) -> bytes:
    head = f"\r\n--{boundary}\r\nContent-Type: {_CONTENT_TYPE}\r\nContent-Range: {part.content_range(total)}\r\n\r\n"
    return head.encode()


def _is_proxied(call: Call) -> bool:
    networks = call.environment.config.storage.s3.proxied_networks
    return any((call.request.remote or "") in network for network in networks)


def _redirect(blob: LinkedBlob, location: str) -> web.Response:
    # The URL ends some day, and is a key until then.
    headers = {"Location": location, "Docker-Content-Digest": str(blob.digest), "Cache-Control": "no-store"}
    return web.Response(status=307, headers=headers)


async def _send_file(call: Call, answer: _Answer, response: web.StreamResponse, descriptor: int) -> None:
    stall_s = call.environment.config.limits.stall_s
    with closing(FileSender(call.request, descriptor, call.environment.transfers, stall_s=stall_s)) as sender:
        for piece in answer.pieces():
            if isinstance(piece, ByteRange):
                await sender.send(piece, call.traffic.add_sent)
            else:
                await send(call, response, piece)


async def _send_blocks(call: Call, answer: _Answer, response: web.StreamResponse, reader: BlobReader) -> None:
    stall_s = call.environment.config.limits.stall_s
    with closing(DirectConnection(call.request, stall_s=stall_s)) as connection:
        for piece in answer.pieces():
            if isinstance(piece, ByteRange):
                await connection.flush()
                steps = reader.send(piece.start, piece.stop, connection.descriptor)
                await connection.send(steps, call.traffic.add_sent)
            else:
                await send(call, response, piece)


async def _encrypt_blocks(call: Call, answer: _Answer, response: web.StreamResponse, reader: BlobReader) -> None:
    for piece in answer.pieces():
        if isinstance(piece, ByteRange):
            async for block in reader.chunks(piece.start, piece.stop):
                await send(call, response, block)
        else:
            await send(call, response, piece)


def _is_encrypted(request: web.BaseRequest) -> bool:
    """Whether the connection's bytes are made in this process, so that the kernel cannot send files over it."""
    return request.transport is None or request.transport.get_extra_info("sslcontext") is not None
