"""The web API's answers: JSON, and a link to the next page where there is one."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final, Protocol

import msgspec
from aiohttp import web
from msgspec import Struct

from registry.http.call import Call
from registry.http.paging import next_link

# What is answered now may be another thing the next moment.
_HEADERS: Final = {"Content-Type": "application/json", "Cache-Control": "no-cache"}


class Page(Protocol):
    """One page of a list, as a `Struct`."""

    @property
    def next_cursor(self) -> str | None:
        """What the next page is asked for with; None on the last one."""
        ...


def content(body: Struct) -> web.Response:
    """The answer `body`."""
    return web.Response(body=msgspec.json.encode(body), headers=_HEADERS)


def made(call: Call, path: str, body: Struct) -> web.Response:
    """The answer `body` to what was made and is at `path` from now on; there may be a secret in it, told this once."""
    headers = {**_HEADERS, "Cache-Control": "no-store", "Location": call.location(path)}
    return web.Response(status=HTTPStatus.CREATED, body=msgspec.json.encode(body), headers=headers)


def page(call: Call, body: Page) -> web.Response:
    """The answer `body`, whose next page is the same request with another cursor."""
    answer = web.Response(body=msgspec.json.encode(body), headers=_HEADERS)
    if body.next_cursor is not None:
        query = [(name, value) for name, value in call.request.query.items() if name != "cursor"]
        path = call.location(call.request.rel_url.raw_path)
        answer.headers["Link"] = next_link(path, [*query, ("cursor", body.next_cursor)])
    return answer


def nothing() -> web.Response:
    """The answer that what was asked for is done."""
    return web.Response(status=HTTPStatus.NO_CONTENT)
