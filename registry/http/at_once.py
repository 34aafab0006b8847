"""Answers that need no waiting, given where their requests arrive: without a task or a turn of the event loop.

To look up one row costs less than it takes to hand the question to a task. So a route whose handler mostly answers
without waiting says so (`at_once=True`), and its handler is begun as soon as the request is there. A handler that has
to wait after all is given up, and begun anew on the way of all requests: those that may not be begun twice, or that
have much to do, do not say so.

This module leans on a part of aiohttp that is not documented (the dependency is pinned to one minor version): its
serialiser of headers, which refuses those that would end early.
"""

from __future__ import annotations

from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any, Final, TypeVar

from aiohttp import hdrs, web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http_writer import _serialize_headers

T = TypeVar("T")

_NO_BODY: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class TakesTime(Exception):
    """The answer cannot be given at once."""


def result_at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """What `coroutine` returns, if it does so before it waits for anything; else it is closed.

    Raises:
        TakesTime: it had to wait.
        Exception: what the coroutine raised.
    """
    try:
        coroutine.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    coroutine.close()
    raise TakesTime


def whole_answer(response: web.Response, method: str) -> bytes:
    """The bytes of `response` to a request over HTTP/1.1 whose connection stays open; aiohttp would send the same.

    Raises:
        TakesTime: the body is not at hand.
    """
    headers, body = response.headers, response.body
    if body is not None and not isinstance(body, bytes):
        raise TakesTime
    size = len(body) if body else 0
    without_body = method == hdrs.METH_HEAD or response.status in _NO_BODY
    if hdrs.CONTENT_LENGTH not in headers and (size or not without_body):
        headers[hdrs.CONTENT_LENGTH] = str(size)
    if size and not without_body:
        headers.setdefault(hdrs.CONTENT_TYPE, "application/octet-stream")
    headers[hdrs.DATE] = rfc822_formatted_time()
    head = _serialize_headers(f"HTTP/1.1 {response.status} {response.reason}", headers)
    return head + body if body and not without_body else head
