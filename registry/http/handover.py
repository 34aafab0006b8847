"""Where a large body changes hands: from aiohttp, which has read its request's head, to who reads it directly.

aiohttp has no way to say this, so it is said with parts of it that are not documented (aiohttp 3.14, to which the
dependency is pinned): how reading is paused, what its parser is made with, and that a parser can be replaced between
two messages. A body is only taken over where it is certain what of it the parser has seen; every other one goes the
usual way, and so does every body under TLS, where the socket has only ciphertext.
"""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from aiohttp.http import HttpRequestParser, RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler

from registry import limits
from registry.http.chunked import ChunkDecoder
from registry.http.direct_body import DirectBody, Framing, Length

_HEAD_END: Final = b"\r\n\r\n"


class BodyHandover(RequestHandler):
    """A connection that lets a large body wait in the kernel until somebody says how it is to be read."""

    def __init__(self, server: web.Server, *, auto_decompress: bool, **options: Any) -> None:
        super().__init__(server, auto_decompress=auto_decompress, **options)
        self._auto_decompress = auto_decompress
        self._receiving: StreamReader = EMPTY_PAYLOAD
        # The last bytes of a head that has begun, none before it begins; None where that cannot be known, because
        # its beginning came together with the end of something else.
        self._head: bytes | None = b""
        self._waiting: Framing | None = None
        self._direct: DirectBody | None = None

    def data_received(self, data: bytes) -> None:
        """Take what came; behind a head that ends in it, the beginning of a large body stops the reading."""
        at_head, requests, content_size = self._receiving.is_eof(), self._request_count, self._receiving.total_bytes
        super().data_received(data)
        if self._request_count != requests:
            begun = self._behind_head(data) if at_head and self._request_count == requests + 1 else None
            content_size = 0
            if self._messages:
                message, self._receiving = self._messages[-1]
                if begun is not None and isinstance(message, RawRequestMessage) and not self._receiving.is_eof():
                    self._hold(message, begun)
        elif at_head and self._head is not None:
            self._head = self._since_head_began(self._head, data)[1 - len(_HEAD_END) :]
            return
        else:
            begun = data
        # No head that ends like this has only begun. Else all that came must have been the last of the body.
        # Where nothing came, the parser went on with what it had kept, and may keep the beginning of a head still.
        all_taken = bool(data) and begun is not None and len(begun) == self._receiving.total_bytes - content_size
        certain = data.endswith(_HEAD_END) or all_taken
        # What came behind a request to change the protocol is parsed where this connection does not see it.
        self._head = b"" if certain and not self._upgraded else None

    def connection_lost(self, exc: BaseException | None) -> None:
        """End, for whoever reads directly as well."""
        super().connection_lost(exc)
        if self._direct is not None:
            # The client is told that the connection ends once nothing here holds its socket.
            self._direct.close()

    def directly(self, body: StreamReader) -> DirectBody | None:
        """The body, to be read past aiohttp from here on; None when it has to be read from `body`, and may be now."""
        if body is not self._receiving or self.transport is None:
            return None
        if self._direct is None and self._waiting is not None:
            descriptor = self.transport.get_extra_info("socket").fileno()
            # It holds what came together with the head, and gives it without waiting.
            begun = body.read_nowait()
            self._direct, self._waiting = DirectBody(descriptor, begun, self._waiting), None
        return self._direct

    def reads_directly(self, body: StreamReader) -> bool:
        """Whether `body` is being read past aiohttp."""
        return self._direct is not None and body is self._receiving

    def by_aiohttp(self) -> None:
        """Let aiohttp read on, if a body waits to be told how it is read."""
        if self._waiting is not None:
            self._waiting = None
            if not self._reading_paused:
                self._resume_transport_reading()

    def end_directly(self, body: DirectBody) -> None:
        """Go on behind `body`, which was read to its end, with what comes next on the connection. May be repeated."""
        if self._direct is not body:
            return
        self._direct = None
        body.close()
        if self._parser is None:
            return  # The connection was lost meanwhile.
        # The old one waits for bytes that it will never see.
        self._head = b""
        self._parser = self._new_parser()
        self._receiving.feed_eof()
        if body.rest:
            self.data_received(body.rest)

    def _hold(self, message: RawRequestMessage, begun: bytes) -> None:
        """Leave the rest of a body in the kernel, if it is large and `begun` is all that the parser has seen of it."""
        if self.ssl_context is not None or message.upgrade or self._reading_paused or self._buffer_paused:
            return
        framing = _framing_after(message, begun, self._receiving.total_bytes)
        if framing is not None:
            self._waiting = framing
            self._pause_transport_reading()

    def _behind_head(self, data: bytes) -> bytes | None:
        """What of `data` comes behind the one head that ends in it; None where that cannot be known."""
        if self._head is None or self._upgraded:
            return None
        return self._since_head_began(self._head, data).partition(_HEAD_END)[2]

    def _since_head_began(self, head: bytes, data: bytes) -> bytes:
        # Empty lines before a request are no part of it.
        return head + data if head else data.lstrip(b"\r\n")

    def _new_parser(self) -> HttpRequestParser:
        return HttpRequestParser(
            self,
            self._loop,
            self._read_bufsize,
            max_line_size=self.max_line_size,
            max_field_size=self.max_field_size,
            max_headers=self.max_headers,
            payload_exception=web.RequestPayloadError,
            auto_decompress=self._auto_decompress,
            max_msg_queue_size=self._max_msg_queue_size,
        )

    def _resume_transport_reading(self) -> None:
        # Whatever in aiohttp would read on has not heard of bodies that wait or are read by others.
        if self._waiting is None and self._direct is None:
            super()._resume_transport_reading()


def _framing_after(message: RawRequestMessage, begun: bytes, content_size: int) -> Framing | None:
    """How the rest of a body ends of which `begun` came, with `content_size` bytes of content; None if it is small."""
    if message.chunked:
        decoder = ChunkDecoder()
        agreed = decoder.take(memoryview(bytearray(begun)), len(begun)) == content_size
        return decoder if agreed and not decoder.failed and not decoder.ended else None
    left = int(message.headers["Content-Length"]) - content_size
    return Length(left) if left >= limits.DIRECT_BYTES and len(begun) == content_size else None
