"""The connection: what aiohttp's protocol leaves to its default, said in the registry's way.

This module leans on parts of aiohttp that are not documented (the dependency is pinned to one minor version): how its
protocol tells that it waits for a request, and where its error page is made. How much asyncio takes from a socket in
one go is its transport's `max_size`; without that there is only more to copy.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final, Protocol

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11, RawRequestMessage, StreamWriter
from aiohttp.http_exceptions import LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from registry.errors import RegistryError, RequestHeadTooLarge, RequestInvalid, answer
from registry.http.answer_headers import add_api_version, add_headers_of_every_answer
from registry.http.error_answers import as_response
from registry.http.handover import BodyHandover
from registry.observability.logging import logger
from registry.observability.request_context import of_request, serving

_log = logger(__name__)

# A client that sends requests without end does not keep the others waiting.
_MOST_AT_ONCE: Final = 32
# asyncio would take four times as much, all of which aiohttp's parser copies: of a large body it is to get little, and
# the rest is read past it.
_RECEIVED_AT_ONCE_BYTES: Final = 64 * 1024
# What may be begun twice. For others a request would be made and a route found in vain.
_READING: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})


class AnswersAtOnce(Protocol):
    """Who answers requests without a body where they arrive; None is given where that takes time."""

    def answer_again(self, message: RawRequestMessage, address: str) -> bytes | None:
        """The whole answer to a request from `address`, if the very same was answered a moment ago."""
        ...

    def answer_at_once(self, request: web.Request, message: RawRequestMessage) -> bytes | None:
        """The whole answer to `request`, which `message` was made to."""
        ...


class Connection(BodyHandover):
    """One connection, whose requests come with all their headers in time and are refused in JSON."""

    def __init__(
        self, server: web.Server, *, header_s: float, at_once: AnswersAtOnce | None = None, **options: Any
    ) -> None:
        """Give a request's headers `header_s` seconds to arrive, and ask `at_once` first for its answer."""
        super().__init__(server, **options)
        self._header_s = header_s
        self._at_once = at_once
        self._overdue: asyncio.TimerHandle | None = None
        self._newest_body: StreamReader = EMPTY_PAYLOAD
        self.short_body: StreamReader | None = None
        """The request body that the client broke off; it looks complete to whoever reads it."""
        self.ends_after_answer = False
        """Whether the next answer is the last one on this connection."""
        self.heard_at = self._loop.time()
        """When the client last sent anything, by the event loop's clock."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the first request has to follow soon."""
        super().connection_made(transport)
        if hasattr(transport, "max_size"):
            transport.max_size = _RECEIVED_AT_ONCE_BYTES
        self._expect_request()

    def connection_lost(self, exc: BaseException | None) -> None:
        """End."""
        self._stop_expecting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came. A request that has begun has to arrive soon; what follows its headers has other bounds."""
        self.heard_at = self._loop.time()
        if self._at_once is not None and self.is_resting():
            answered = self._receive_and_answer(data, self._at_once)
        else:
            answered = 0
            super().data_received(data)
        if self._messages:
            newest, body = self._messages[-1]
            if not isinstance(newest, RawRequestMessage):
                # What came is no HTTP any more, and so the body before it has no end.
                self._break_off_body()
            self._newest_body = body
            self._stop_expecting()
        elif answered:
            self._stop_expecting()
        elif data and self._overdue is None and self.is_resting():
            self._expect_request()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer the request of a client that has only said that it sends no more; a body that ends so is too short."""
        # TLS has no connections that are open in one direction only.
        if self.ssl_context is not None or self.is_resting():
            return False
        self._break_off_body()
        self.close()
        return True

    def is_resting(self) -> bool:
        """Whether the connection waits for a request, or for the rest of its headers."""
        return self._waiter is not None and not self._waiter.done()

    def finish(self) -> None:
        """Take no further requests, and close once those that came are answered."""
        if not self._newest_body.is_eof():
            # aiohttp's `close` would take no more of the body either.
            self.ends_after_answer = True
            return
        self.close()
        if self._waiter is None and self._request_count == 0 and self.transport is not None:
            # It has not begun to wait for its first request, and would now do so for ever.
            self.transport.close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that is no HTTP, or whose dispatcher failed, and end the connection."""
        if request.writer.output_size > 0:
            # The caller gives up the connection.
            raise ConnectionError("the answer has begun already")
        context = of_request(request.headers.get("X-Request-ID"), request.headers.get("traceparent"))
        with serving(context):
            if status < HTTPStatus.INTERNAL_SERVER_ERROR:
                error: Exception = self._client_error(exc, message)
                _log.debug("a request that cannot be read", remote=request.remote, error=str(error))
            else:
                error = RuntimeError(message)
                _log.error("a request failed outside its dispatcher", exc_info=exc)
        response = as_response(answer(error), request.path)
        add_headers_of_every_answer(response, context)
        add_api_version(response)
        response.force_close()
        return response

    def _client_error(self, exc: BaseException | None, message: str | None) -> RegistryError:
        if isinstance(exc, LineTooLong):
            return RequestHeadTooLarge(self.max_line_size)
        # The parser's message goes on with a drawing of the line that it could not read.
        reason = (message or "it is not HTTP").partition("\n")[0].rstrip(": ")
        return RequestInvalid(reason)

    def _receive_and_answer(self, data: bytes, at_once: AnswersAtOnce) -> int:
        """Take what came, and answer requests there and then, as many as can be; the task gets the others."""
        # Its task must not wake up for requests that are answered here.
        waiter, self._waiter = self._waiter, None
        answered = 0
        try:
            super().data_received(data)
            while answered < _MOST_AT_ONCE and self._messages:
                message = self._plain_message()
                if message is None or (answer := self._answer(message, at_once)) is None:
                    break
                self._send_at_once(answer)
                answered += 1
        finally:
            self._waiter = waiter
        if self._messages and waiter is not None and not waiter.done():
            waiter.set_result(None)
        return answered

    def _plain_message(self) -> RawRequestMessage | None:
        """The next request, if it has no body, its connection stays as it is, and the client has taken all answers."""
        message, body = self._messages[0]
        if (
            not isinstance(message, RawRequestMessage)
            or body is not EMPTY_PAYLOAD
            or message.method not in _READING
            or message.version != HttpVersion11
            or message.should_close
            # Only its task goes on to parse what follows a request to change the protocol.
            or message.upgrade
            or self.ends_after_answer
            or self.transport is None
            or self.transport.get_write_buffer_size()
        ):
            return None
        return message

    def _answer(self, message: RawRequestMessage, at_once: AnswersAtOnce) -> bytes | None:
        answer = at_once.answer_again(message, str(self.peername[0]) if isinstance(self.peername, tuple) else "")
        if answer is not None:
            return answer
        assert self._request_factory is not None, "the connection is open"
        assert self._task_handler is not None, "it waits for requests"
        writer = StreamWriter(self, self._loop)
        request = self._request_factory(message, EMPTY_PAYLOAD, self, writer, self._task_handler)
        assert isinstance(request, web.Request), "what an application makes"
        return at_once.answer_at_once(request, message)

    def _send_at_once(self, answer: bytes) -> None:
        assert self._parser is not None, "the connection is open"
        assert self.transport is not None, "it was asked whether it takes the answer"
        # The same as its task does for a request that it takes.
        self._messages.popleft()
        self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()
        self.transport.write(answer)
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            # A connection that may not rest at all has none until it has been of use.
            self._keepalive_handle = self._loop.call_at(self._next_keepalive_close_time, self._process_keepalive)

    def _break_off_body(self) -> None:
        if not self._newest_body.is_eof():
            self.short_body = self._newest_body
            # Not an exception: the reader would then lose the bytes that did come.
            self._newest_body.feed_eof()

    def _expect_request(self) -> None:
        self._overdue = asyncio.get_running_loop().call_later(self._header_s, self._give_up)

    def _stop_expecting(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _give_up(self) -> None:
        self._overdue = None
        if self.is_resting():
            self.force_close()
