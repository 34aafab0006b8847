"""One request and its answer's head, with redirects followed by hand (RFC 9110, "Redirection 3xx").

Authorization goes to the origin it was made for. A redirect to another one goes on without it, for good: whoever sends
a request elsewhere and back must not have it arrive with credentials at a place of his choice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from yarl import URL

from registry_client import limits
from registry_client.errors import AnswerInvalid, RedirectRefused, TooLarge, Unreachable, Untrusted, cleaned
from registry_client.lean_aiohttp import aiohttp
from registry_client.origin import Origin, pointed_to, shown
from registry_client.reasons import reason, tls_reason
from registry_client.settings import Settings
from registry_client.sources import Body

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# The only ones after which a method other than GET and HEAD stays what it was.
_REDIRECTS_OF_ALL_METHODS = frozenset({307, 308})


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it leaves, with the `authorization` for the origin of `url`.

    It is answered within `patience_s` of its last byte. A `confined` one is not redirected to another origin.
    """

    method: str
    url: URL
    patience_s: float
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | bytes | None = None
    authorization: str | None = field(default=None, repr=False)
    confined: bool = False


async def send(session: aiohttp.ClientSession, request: Outgoing, settings: Settings) -> aiohttp.ClientResponse:
    """The answer to `request`, of which only the head has been read; who asks for it closes it.

    Raises:
        Unreachable, AnswerInvalid: there is no answer, or none that is HTTP.
        RedirectRefused: the answer sends the request to where it must not go, or too often.
    """
    for _ in range(limits.REDIRECTS + 1):
        with translated(request.url):
            response = await _send_once(session, request, settings)
        if response.status not in _REDIRECTS:
            return response
        await discard(response)
        request = _redirected(request, response)
    raise RedirectRefused(f"{shown(request.url)} is redirected more than {limits.REDIRECTS} times")


async def read_whole(response: aiohttp.ClientResponse, limit: int, longest_s: float) -> bytes:
    """The whole body; the connection is free again, or closed.

    Raises:
        TooLarge: it has more than `limit` bytes.
        Unreachable: the connection broke, or the body took longer than `longest_s`.
    """
    whole = bytearray()
    try:
        with translated(response.url):
            async with asyncio.timeout(longest_s):
                async for part in response.content.iter_any():
                    whole += part
                    if len(whole) > limit:
                        raise TooLarge(limit)
        return bytes(whole)
    finally:
        # Of what has not been read to its end, this closes the connection: the rest may take as long as it likes.
        response.release()


async def discard(response: aiohttp.ClientResponse) -> None:
    """Be done with an answer: read what little there may be of a body, so that the connection can be used again."""
    try:
        await read_whole(response, limits.ERROR_BYTES, limits.DISCARD_S)
    except (Unreachable, TooLarge):
        return


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """The HTTP library's errors as this room's own."""
    place = shown(url)
    try:
        yield
    except (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch) as error:
        raise Untrusted(place, tls_reason(error)) from error
    except aiohttp.ClientResponseError as error:
        # Further lines show what could not be read.
        why = error.message.partition("\n")[0].rstrip(":")
        raise AnswerInvalid(f"{place} does not speak HTTP: {cleaned(why)}") from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unreachable(place, reason(error)) from error


async def _send_once(session: aiohttp.ClientSession, request: Outgoing, settings: Settings) -> aiohttp.ClientResponse:
    headers = {"User-Agent": settings.user_agent, "Accept-Encoding": "identity", **request.headers}
    if request.authorization is not None:
        headers["Authorization"] = request.authorization
    if isinstance(request.body, Body):
        headers["Content-Length"] = str(request.body.size)
    async with _Patience(request, settings) as patience:
        return await session.request(
            request.method,
            request.url,
            headers=headers,
            data=request.body.pieces(patience.sending) if isinstance(request.body, Body) else request.body,
            allow_redirects=False,
            auto_decompress=False,
            raise_for_status=False,
            max_line_size=limits.HEADER_BYTES,
            max_field_size=limits.HEADER_BYTES,
            max_headers=limits.HEADERS,
            read_bufsize=limits.BLOCK_BYTES,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=settings.connect_s, sock_read=max(settings.stall_s, request.patience_s)
            ),
        )


class _Patience:
    """How long the next piece of a body may take to be sent: the HTTP library times reading and nothing else."""

    def __init__(self, request: Outgoing, settings: Settings) -> None:
        self._request = request
        self._stall_s = settings.stall_s
        self._timeout = asyncio.timeout(None)
        self._waiting = False

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        self._waiting = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # An answer may come before all is sent; what is sent after it is nobody's concern.
        self._waiting = False
        await self._timeout.__aexit__(kind, error, traceback)

    def sending(self, left: int) -> None:
        """A piece comes next, after which `left` bytes are left; once it is taken, the clock begins anew."""
        if self._waiting:
            allowed_s = self._stall_s if left else max(self._stall_s, self._request.patience_s)
            self._timeout.reschedule(asyncio.get_running_loop().time() + allowed_s)


def _redirected(request: Outgoing, response: aiohttp.ClientResponse) -> Outgoing:
    location = response.headers.get("Location")
    if location is None:
        raise AnswerInvalid(f"{shown(request.url)} is redirected to nowhere")
    if request.method not in {"GET", "HEAD"} and response.status not in _REDIRECTS_OF_ALL_METHODS:
        raise RedirectRefused(
            f"a redirect ({response.status}) would turn {request.method} {shown(request.url)} into GET"
        )
    target = pointed_to(location, request.url)
    if Origin.of(target) == Origin.of(request.url):
        return replace(request, url=target)
    if request.confined:
        raise RedirectRefused(f"{shown(request.url)} must not lead to another place, such as {shown(target)}")
    return replace(request, url=target, authorization=None)
