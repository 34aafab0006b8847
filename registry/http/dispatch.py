"""The way of every request: its route found, its subject asked for and admitted, handled, answered, recorded."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.http import RawRequestMessage

from oci_spec.reference import RepositoryName
from registry.auth.access import Access, grant
from registry.auth.challenge import TokenError
from registry.auth.permission import Permission
from registry.auth.policy import require
from registry.auth.subject import ANONYMOUS, Subject
from registry.errors import BodyIncomplete, Denied, ScopeInsufficient, TokenExpired, Unauthorized
from registry.http.answer_headers import add_api_version, add_headers_of_every_answer
from registry.http.arrival import arrival_here, traced_back
from registry.http.at_once import TakesTime, result_at_once, whole_answer
from registry.http.call import Call, Environment, parse_repository
from registry.http.error_answers import answer_to, as_response
from registry.http.exchange import CLIENT_GONE, Exchange, Recorder
from registry.http.lapsed_tokens import subject_on_location
from registry.http.other_sites import require_own_page
from registry.http.progress import untaken_by_client, while_taken
from registry.http.remembered import RememberedAnswers
from registry.http.routing import REPOSITORY, Match, Router
from registry.http.traffic import Traffic
from registry.http.unread_body import discard, keeps_connection
from registry.observability.access_log import AccessLog
from registry.observability.logging import logger
from registry.observability.masking import masked_target
from registry.observability.recurring import RecurringFaults
from registry.observability.request_context import of_request, serving
from registry.services.refusals import Refusal

_log = logger(__name__)

# The connection takes this much without waiting for the client.
_BUFFERED_BYTES: Final = 64 * 1024

_REFUSALS: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)

_EXCHANGE: Final = web.RequestKey("exchange", Exchange)


class Dispatcher:
    """Serves every request of one application, whatever its path."""

    def __init__(self, environment: Environment, router: Router, access_log: AccessLog) -> None:
        self._environment = environment
        self._router = router
        self._recorder = Recorder(environment, access_log)
        self._remembered = RememberedAnswers(environment, self._recorder)
        self._faults = RecurringFaults(_log)
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Return when no request is being served."""
        await self._idle.wait()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer `request`: when this returns, the answer has been sent, or the connection given up."""
        exchange = request[_EXCHANGE] = self._begun(request)
        self._in_flight += 1
        self._idle.clear()
        with serving(exchange.context):
            try:
                return await self._answer(exchange)
            finally:
                if exchange.match is not None:
                    self._environment.metrics.http_in_flight.dec(exchange.label)
                self._recorder.record(exchange)
                self._in_flight -= 1
                if self._in_flight == 0:
                    self._idle.set()

    def answer_again(self, message: RawRequestMessage, address: str) -> bytes | None:
        """The whole answer to a request from `address`, if the very same was answered a moment ago; see `remembered`.

        As for `answer_at_once`, the caller sends it.
        """
        return self._remembered.give(message, address)

    def answer_at_once(self, request: web.Request, message: RawRequestMessage) -> bytes | None:
        """The whole answer to `request`, which has no body and leaves its connection open; the caller sends it.

        None where it has to wait for something, or may not fit into the connection: `serve` it then.
        """
        if not self._environment.services.database.inline_lookups:
            return None
        exchange = self._begun(request)
        with serving(exchange.context):
            try:
                response = self._response_at_once(exchange)
                if isinstance(response.body, bytes) and len(response.body) > _BUFFERED_BYTES:
                    return None
                _add_common_headers(exchange, response)
                answer = whole_answer(response, request.method)
            except TakesTime:
                return None
            exchange.code = response.status
            exchange.traffic.add_sent(_body_size(request, response))
            self._remembered.keep(message, exchange, self._recorder.record(exchange), answer)
        return answer

    def _begun(self, request: web.Request) -> Exchange:
        headers = request.headers
        here = arrival_here(request)
        arrived = traced_back(here, headers, self._environment.config.server.trusted_proxies)
        context = of_request(headers.get("X-Request-ID"), headers.get("traceparent"), arrived.address)
        awaits_continue = headers.get("Expect", "").lower() == "100-continue"
        return Exchange(request, context, here, arrived, Traffic(awaits_continue=awaits_continue))

    def _response_at_once(self, exchange: Exchange) -> web.Response:
        try:
            match = exchange.match = self._match(exchange.request)
            if not match.route.at_once:
                raise TakesTime
            response = result_at_once(self._handle(exchange, match, at_once=True))
        except TakesTime:
            raise
        except Exception as error:  # noqa: BLE001 - as in `_answer`
            return self._refusal(exchange, error)
        if not isinstance(response, web.Response):
            raise TakesTime
        return response

    async def _answer(self, exchange: Exchange) -> web.StreamResponse:
        try:
            match = exchange.match = self._match(exchange.request)
            self._environment.metrics.http_in_flight.inc(match.route.label)
            response = await self._handle(exchange, match)
        except Exception as error:  # noqa: BLE001 - the outermost loop: every error is answered, and none ends a worker
            if exchange.response is not None:
                return _cut_off(exchange, exchange.response, error)
            response = self._refusal(exchange, error)
        try:
            await self._send(exchange, response)
        except (ConnectionError, TimeoutError) as error:
            return _cut_off(exchange, response, error)
        return response

    def _match(self, request: web.Request) -> Match:
        return self._router.match(request.method, request.rel_url.path_safe)

    async def _handle(self, exchange: Exchange, match: Match, *, at_once: bool = False) -> web.StreamResponse:
        request = exchange.request
        require_own_page(request, exchange.arrival, self._environment.config.server.external_url)
        name = match.parameters.get(REPOSITORY)
        repository = parse_repository(name) if name is not None else None
        exchange.subject = await self._authenticated(request, match, repository, at_once=at_once)
        if exchange.subject.proof is not None:
            exchange.context.credential = exchange.subject.proof
        call = Call(
            request=request,
            environment=self._environment,
            parameters=match.parameters,
            subject=exchange.subject,
            traffic=exchange.traffic,
            effects=exchange.effects,
            granted=await self._admit(exchange, exchange.subject, match.route.permission, repository),
            at_once=at_once,
        )
        try:
            return await match.route.handler(call)
        except Unauthorized as error:
            # A 401 without a challenge is none (RFC 9110, "401 Unauthorized").
            lacking = TokenError.INSUFFICIENT if isinstance(error, ScopeInsufficient) else TokenError.INVALID
            error.challenge = self._environment.authentication.challenge(
                request, match.route.permission, repository, lacking
            )
            raise

    async def _authenticated(
        self, request: web.Request, match: Match, repository: RepositoryName | None, *, at_once: bool
    ) -> Subject:
        authentication = self._environment.authentication
        try:
            try:
                return await authentication.authenticate(request, at_once=at_once)
            except TokenExpired:
                subject = await subject_on_location(self._environment, request, match, repository)
                if subject is None:
                    raise
                return subject
        except Unauthorized as error:
            permission = match.route.permission
            error.challenge = authentication.challenge(request, permission, repository, TokenError.INVALID)
            raise

    async def _admit(
        self, exchange: Exchange, subject: Subject, permission: Permission, repository: RepositoryName | None
    ) -> Access | None:
        """Ask the policy for what the route declares; the granted access where the route names a repository."""
        policy = self._environment.services.policy
        try:
            if repository is not None:
                return await grant(policy, subject, permission, repository)
            await require(policy, subject, permission, None)
        except Denied as denied:
            authentication = self._environment.authentication
            raise await authentication.refusal(exchange.request, subject, permission, repository) from denied
        return None

    def _refusal(self, exchange: Exchange, error: Exception) -> web.Response:
        refusal = answer_to(error, exchange.match.route.malformed if exchange.match is not None else {})
        if refusal.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("a request failed", exc_info=error)
        elif refusal.status > HTTPStatus.INTERNAL_SERVER_ERROR:
            self._faults.warn("a request could not be served", error)
        elif refusal.status in _REFUSALS:
            self._note_refusal(exchange, refusal.status)
        response = as_response(refusal, exchange.request.path)
        if isinstance(error, BodyIncomplete):
            # Where the next request begins cannot be known.
            response.force_close()
        return response

    def _note_refusal(self, exchange: Exchange, status: int) -> None:
        request = exchange.request
        # Every client begins without credentials, to be told which are wanted: nobody is refused by that.
        brought_none = "Authorization" not in request.headers and exchange.context.login is None
        if status == HTTPStatus.UNAUTHORIZED and brought_none:
            return
        repository = exchange.match.parameters.get(REPOSITORY, "") if exchange.match is not None else ""
        self._environment.services.refusals.note(
            Refusal(
                actor=str(exchange.subject or ANONYMOUS),
                target=repository,
                status=status,
                method=request.method,
                path=masked_target(request.raw_path),
                context=exchange.context,
            )
        )

    async def _send(self, exchange: Exchange, response: web.StreamResponse) -> None:
        request, traffic = exchange.request, exchange.traffic
        if not keeps_connection(request, traffic):
            response.force_close()
        await response.prepare(request)
        size = _body_size(request, response)
        if size <= _BUFFERED_BYTES:
            await response.write_eof()
        else:
            stall_s = self._environment.config.limits.stall_s
            await while_taken(response.write_eof(), lambda: untaken_by_client(request), stall_s)
        traffic.add_sent(size)
        exchange.code = response.status
        await discard(request, traffic)


async def add_common_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Complete the head of an answer that is about to begin; a receiver of aiohttp's `on_response_prepare`."""
    exchange = request[_EXCHANGE]
    exchange.response = response
    _add_common_headers(exchange, response)


def _add_common_headers(exchange: Exchange, response: web.StreamResponse) -> None:
    add_headers_of_every_answer(response, exchange.context)
    path = exchange.request.path
    if path == "/v2" or path.startswith("/v2/"):
        add_api_version(response)


def _body_size(request: web.Request, response: web.StreamResponse) -> int:
    """The bytes of the body that `response` has at hand, as far as the client gets it."""
    body = response.body if isinstance(response, web.Response) and request.method != "HEAD" else None
    return len(body) if isinstance(body, bytes) else 0


def _cut_off(exchange: Exchange, response: web.StreamResponse, error: Exception) -> web.StreamResponse:
    """End an answer that cannot be completed so that the client cannot take it for complete."""
    exchange.code = CLIENT_GONE
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
