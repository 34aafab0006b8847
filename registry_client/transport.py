"""Requests to one registry: authorized, redirected, repeated where they may be, and answered within bounds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from multidict import CIMultiDictProxy
from yarl import URL

from oci_spec.digest import Digest
from oci_spec.errors import DigestInvalid
from registry_client import limits
from registry_client.authorization import Authorizer
from registry_client.credentials import CredentialProvider
from registry_client.errors import AnswerInvalid, NotFound, Refused, TooLarge, Unauthorized, Unreachable
from registry_client.lean_aiohttp import aiohttp
from registry_client.origin import Origin, shown
from registry_client.refusals import read_refusal
from registry_client.retrying import repeated
from registry_client.scopes import NOTHING, Scopes
from registry_client.sending import Outgoing, read_whole, send
from registry_client.settings import Settings
from registry_client.sources import Body
from registry_client.token_dance import TokenAnswer, TokenRequest

# Digits of the largest number that 63 bits hold.
_SIZE_DIGITS = 19
# What a dance goes on from: a token, or that the server does not answer to the method.
_TOKEN_STATUSES = frozenset({200, 404, 405})
_CREDENTIALS_REFUSED = frozenset({400, 401, 403})


@dataclass(frozen=True, slots=True)
class Request:
    """A request, and the scopes that it needs where the registry deals in tokens.

    It is answered within `patience_s` of its last byte, and made again after failures that pass if it is `repeatable`.
    `not_found` is what a 404 means that does not say.
    """

    method: str
    url: URL
    scopes: Scopes = NOTHING
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | bytes | None = None
    repeatable: bool = True
    patience_s: float = 0
    not_found: type[NotFound] = NotFound


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `url` is where it came from, after redirects."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    url: URL

    def told_digest(self, name: str = "Docker-Content-Digest") -> Digest | None:
        """The digest that a field tells; None without one that can be computed here."""
        try:
            return Digest.parse(self.headers.get(name, "").strip())
        except DigestInvalid:
            return None

    def told_size(self) -> int | None:
        """The `Content-Length`, which is the whole's also where there is no body; None without one."""
        text = self.headers.get("Content-Length", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) <= _SIZE_DIGITS else None


class Transport:
    """The way to the registry at `origin`, through the caller's session, whose connections and rules it uses.

    Nothing is shared with another transport, least of all tokens. It may be used by many tasks at once.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        origin: Origin,
        credentials: CredentialProvider,
        settings: Settings,
    ) -> None:
        self.origin = origin
        self.settings = settings
        self._session = session
        self._authorizer = Authorizer(origin, credentials, self._ask_for_token, settings)

    async def fetch(self, request: Request, expected: Collection[int], *, limit: int = limits.ERROR_BYTES) -> Answer:
        """The whole answer to `request`, with one of the `expected` statuses and a body of at most `limit` bytes.

        Raises:
            Refused: the registry answers another status.
            TooLarge: the body is too large.
            RegistryClientError: there is no proper answer; see the tree in `errors`.
        """

        async def attempt() -> Answer:
            response = await self._open(request, expected)
            body = await read_whole(response, limit, self.settings.answer_s)
            return Answer(response.status, response.headers, body, response.url)

        return await (repeated(attempt, self.settings) if request.repeatable else attempt())

    @asynccontextmanager
    async def open(self, request: Request, expected: Collection[int]) -> AsyncIterator[aiohttp.ClientResponse]:
        """The head of an answer, as `fetch` gives it; its body is read, or not, within the block."""
        response = await repeated(lambda: self._open(request, expected), self.settings)
        try:
            yield response
        finally:
            response.release()

    async def _open(self, request: Request, expected: Collection[int]) -> aiohttp.ClientResponse:
        """The answer of one attempt, in which challenges are answered."""
        own = Origin.of(request.url) == self.origin
        authorization = await self._authorizer.authorization(request.scopes) if own else None
        for challenges in range(limits.CHALLENGE_ROUNDS + 1):
            response = await self._send(request, authorization)
            if response.status in expected:
                _check_encoding(response)
                return response
            refusal = await self._refusal(request, response)
            # A challenge is answered where it is this registry's own, not one of a storage that it redirects to.
            own = own and Origin.of(response.url) == self.origin
            if not own or not isinstance(refusal, Unauthorized) or challenges == limits.CHALLENGE_ROUNDS:
                raise refusal
            fields = response.headers.getall("WWW-Authenticate", [])
            authorization = await self._authorizer.answer(fields, request.scopes, authorization)
            if authorization is None:
                raise refusal
        raise AssertionError("unreachable: the last round returns or raises")

    async def _send(self, request: Request, authorization: str | None) -> aiohttp.ClientResponse:
        outgoing = Outgoing(
            request.method,
            request.url,
            patience_s=request.patience_s,
            headers=request.headers,
            body=request.body,
            authorization=authorization,
        )
        try:
            return await send(self._session, outgoing, self.settings)
        except Unreachable:
            if isinstance(request.body, Body) and request.body.failure is not None:
                # It was not the connection that broke.
                raise request.body.failure from None
            raise

    async def _ask_for_token(self, asked: TokenRequest) -> TokenAnswer:
        """A token server's answer to one attempt: the request that the token is for is made again, if any is."""
        kind = {} if asked.form is None else {"Content-Type": "application/x-www-form-urlencoded"}
        outgoing = Outgoing(
            asked.method,
            asked.url,
            patience_s=0,
            headers={"Accept": "application/json", **kind},
            body=asked.form,
            authorization=asked.authorization,
            confined=True,
        )
        response = await send(self._session, outgoing, self.settings)
        if response.status in _TOKEN_STATUSES:
            return TokenAnswer(response.status, await read_whole(response, limits.TOKEN_BYTES, self.settings.answer_s))
        refusal = await self._refusal(Request(asked.method, asked.url), response)
        raise refusal.as_unauthorized() if response.status in _CREDENTIALS_REFUSED else refusal

    async def _refusal(self, request: Request, response: aiohttp.ClientResponse) -> Refused:
        try:
            body = await read_whole(response, limits.ERROR_BYTES, self.settings.answer_s)
        except (Unreachable, TooLarge):
            # The status says enough.
            body = b""
        return read_refusal(
            response.status,
            response.headers,
            body,
            method=request.method,
            url=shown(response.url),
            not_found=request.not_found,
        )


def _check_encoding(response: aiohttp.ClientResponse) -> None:
    """Refuse what is not the bytes themselves, but something that they could be made of."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        response.close()
        raise AnswerInvalid(f"{shown(response.url)} comes encoded, which nobody asked for")
