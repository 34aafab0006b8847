"""The way of every request: its route found, its subject asked for and admitted, handled, answered, recorded."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from aiohttp import web

from oci_spec.reference import RepositoryName
from registry.auth.access import Access, grant
from registry.auth.policy import require
from registry.auth.subject import Subject
from registry.errors import BodyIncomplete
from registry.http.answer_headers import add_api_version, add_headers_of_every_answer
from registry.http.authentication import authenticate
from registry.http.call import Call, Environment
from registry.http.client_address import client_address
from registry.http.error_answers import answer_to, as_response
from registry.http.progress import untaken_by_client, while_taken
from registry.http.routing import REPOSITORY, Match, Router
from registry.http.traffic import Traffic
from registry.http.unread_body import discard, keeps_connection
from registry.observability.access_log import AccessEntry, AccessLog
from registry.observability.instruments import OTHER
from registry.observability.logging import logger
from registry.observability.recurring import RecurringFaults
from registry.observability.request_context import RequestContext, of_request, serving

_log = logger(__name__)

_CLIENT_GONE: Final = 499
# The connection takes this much without waiting for the client.
_BUFFERED_BYTES: Final = 64 * 1024


@dataclass(slots=True)
class Exchange:
    """One request and what has become of it so far."""

    request: web.Request
    context: RequestContext
    traffic: Traffic
    began: float = field(default_factory=time.perf_counter)
    match: Match | None = None
    subject: Subject | None = None
    response: web.StreamResponse | None = None
    code: int = _CLIENT_GONE

    @property
    def label(self) -> str:
        """The resource's name in metrics."""
        return self.match.route.label if self.match is not None else OTHER


_EXCHANGE: Final = web.RequestKey("exchange", Exchange)


class Dispatcher:
    """Serves every request of one application, whatever its path."""

    def __init__(self, environment: Environment, router: Router, access_log: AccessLog) -> None:
        self._environment = environment
        self._router = router
        self._access_log = access_log
        self._faults = RecurringFaults(_log)
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Return when no request is being served."""
        await self._idle.wait()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer `request`: when this returns, the answer has been sent, or the connection given up."""
        context = of_request(request.headers.get("X-Request-ID"), request.headers.get("traceparent"))
        awaits_continue = request.headers.get("Expect", "").lower() == "100-continue"
        exchange = request[_EXCHANGE] = Exchange(request, context, Traffic(awaits_continue=awaits_continue))
        self._in_flight += 1
        self._idle.clear()
        with serving(context):
            try:
                return await self._answer(exchange)
            finally:
                self._record(exchange)
                self._in_flight -= 1
                if self._in_flight == 0:
                    self._idle.set()

    async def _answer(self, exchange: Exchange) -> web.StreamResponse:
        try:
            response = await self._handle(exchange)
        except Exception as error:  # noqa: BLE001 - the outermost loop: every error is answered, and none ends a worker
            if exchange.response is not None:
                return _cut_off(exchange, exchange.response, error)
            response = self._refusal(exchange, error)
        try:
            await self._send(exchange, response)
        except (ConnectionError, TimeoutError) as error:
            return _cut_off(exchange, response, error)
        return response

    async def _handle(self, exchange: Exchange) -> web.StreamResponse:
        request = exchange.request
        match = self._router.match(request.method, request.rel_url.path_safe)
        exchange.match = match
        self._environment.metrics.http_in_flight.inc(match.route.label)
        exchange.subject = await authenticate(request)
        call = Call(
            request=request,
            environment=self._environment,
            parameters=match.parameters,
            subject=exchange.subject,
            traffic=exchange.traffic,
            granted=self._admit(exchange.subject, match),
        )
        return await match.route.handler(call)

    def _admit(self, subject: Subject, match: Match) -> Access | None:
        """Ask the policy for what the route declares; the granted access where the route names a repository."""
        policy, permission = self._environment.services.policy, match.route.permission
        name = match.parameters.get(REPOSITORY)
        if name is not None:
            return grant(policy, subject, permission, RepositoryName.parse(name))
        require(policy, subject, permission, None)
        return None

    def _refusal(self, exchange: Exchange, error: Exception) -> web.Response:
        refusal = answer_to(error, exchange.match.route.malformed if exchange.match is not None else {})
        if refusal.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("a request failed", exc_info=error)
        elif refusal.status > HTTPStatus.INTERNAL_SERVER_ERROR:
            self._faults.warn("a request could not be served", error)
        response = as_response(refusal, exchange.request.path)
        if isinstance(error, BodyIncomplete):
            # Where the next request begins cannot be known.
            response.force_close()
        return response

    async def _send(self, exchange: Exchange, response: web.StreamResponse) -> None:
        request, traffic = exchange.request, exchange.traffic
        if not keeps_connection(request, traffic):
            response.force_close()
        await response.prepare(request)
        body = response.body if isinstance(response, web.Response) and request.method != "HEAD" else None
        size = len(body) if isinstance(body, bytes) else 0
        if size <= _BUFFERED_BYTES:
            await response.write_eof()
        else:
            stall_s = self._environment.config.limits.stall_s
            await while_taken(response.write_eof(), lambda: untaken_by_client(request), stall_s)
        traffic.add_sent(size)
        exchange.code = response.status
        await discard(request, traffic)

    def _record(self, exchange: Exchange) -> None:
        request, traffic, metrics = exchange.request, exchange.traffic, self._environment.metrics
        duration_s = time.perf_counter() - exchange.began
        label, method = exchange.label, request.method.lower()
        if exchange.match is not None:
            metrics.http_in_flight.dec(label)
        metrics.http_requests.inc(label, str(exchange.code), method)
        metrics.http_duration.observe(duration_s, label, method)
        metrics.http_received.inc(label, by=traffic.received)
        metrics.http_sent.inc(label, by=traffic.sent)
        self._access_log.record(
            AccessEntry(
                time=time.time() - duration_s,
                remote=client_address(request, self._environment.config.server.trusted_proxies),
                method=request.method,
                target=request.raw_path,
                protocol=f"HTTP/{request.version.major}.{request.version.minor}",
                code=exchange.code,
                duration_s=duration_s,
                received=traffic.received,
                sent=traffic.sent,
                handler=label,
                subject=str(exchange.subject or ""),
                request_id=exchange.context.request_id,
                trace_id=exchange.context.trace_id or "",
                referer=request.headers.get("Referer", ""),
                agent=request.headers.get("User-Agent", ""),
            )
        )


async def add_common_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Complete the head of an answer that is about to begin; a receiver of aiohttp's `on_response_prepare`."""
    exchange = request[_EXCHANGE]
    exchange.response = response
    add_headers_of_every_answer(response, exchange.context)
    if request.path == "/v2" or request.path.startswith("/v2/"):
        add_api_version(response)


def _cut_off(exchange: Exchange, response: web.StreamResponse, error: Exception) -> web.StreamResponse:
    """End an answer that cannot be completed so that the client cannot take it for complete."""
    exchange.code = _CLIENT_GONE
    if isinstance(error, (ConnectionError, TimeoutError)):
        _log.info("a client went away or took nothing", error=repr(error))
    else:
        exchange.code = response.status
        _log.error("an answer was cut off", exc_info=error)
    transport = exchange.request.transport
    exchange.request.protocol.force_close()
    if transport is not None:
        transport.abort()
    return response
