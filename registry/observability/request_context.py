"""Which request the running code serves: every line that is logged meanwhile bears its id.

What is done for it is put down in the audit log with the client's address and what proved who it is.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Final

from registry import limits

_TAKEN_OVER: Final = re.compile(rf"[A-Za-z0-9._:/+=@-]{{1,{limits.REQUEST_ID_CHARACTERS}}}")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_NO_TRACE: Final = "0" * 32


@dataclass(slots=True)
class Login:
    """A login that was tried: for which account, and with which of its credentials, as far as there are such.

    What was given for a name and is nobody's stands nowhere: people type passwords where names belong.
    """

    account: str = ""
    credential: str = ""


@dataclass(slots=True)
class RequestContext:
    """A request's id, and the id of the trace that it belongs to, if it said so.

    `address` is the client's, and `credential` is what it proved itself with, once that is known, in a form whose text
    is no secret: few requests come to need the text.
    `login` is there while a login is tried, and when it has failed.
    """

    request_id: str
    trace_id: str | None = None
    address: str = ""
    credential: object = ""
    login: Login | None = None


_current: ContextVar[RequestContext | None] = ContextVar("request", default=None)


def of_request(request_id: str | None, traceparent: str | None, address: str = "") -> RequestContext:
    """Make the context from the headers `X-Request-ID` and `traceparent` (W3C, "Trace Context").

    A client's id is taken over when it is short and plain; otherwise a new one is made, unique among all processes.
    """
    plain = request_id is not None and _TAKEN_OVER.fullmatch(request_id) is not None
    trace = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    return RequestContext(
        request_id=request_id if plain and request_id is not None else new_request_id(),
        trace_id=trace[1] if trace is not None and trace[1] != _NO_TRACE else None,
        address=address,
    )


def new_request_id() -> str:
    """An id that no other request has, of any process."""
    return os.urandom(8).hex()


def current() -> RequestContext | None:
    """The context of the request that the running task serves, or None."""
    return _current.get()


@contextmanager
def logging_in() -> Iterator[Login]:
    """The login that the block tries for the current request; when the block raises, it has failed."""
    login = Login()
    context = current()
    if context is not None:
        context.login = login
    yield login
    if context is not None:
        context.login = None


class serving:  # noqa: N801 - read as a verb: `with serving(context):`
    """Makes `context` current in this task, and in the tasks it starts, until the block ends.

    A class, because a generator would cost as much as much of what a small request needs.
    """

    __slots__ = ("_context", "_token")

    def __init__(self, context: RequestContext) -> None:
        self._context = context
        self._token: Token[RequestContext | None] | None = None

    def __enter__(self) -> None:
        self._token = _current.set(self._context)

    def __exit__(self, *_: object) -> None:
        assert self._token is not None, "entered"
        _current.reset(self._token)
