"""What the API document says about a handler, beside the handler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from msgspec import Struct

from registry.http.routing import Handler
from registry.http.web_api.parameters import NoParameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a handler does, takes and answers; without an `answer` it has nothing to say when it is done.

    `status` is that of an answer. With `is_lines`, it is any number of them, each a line of JSON.
    """

    summary: str
    query: type[Struct] = NoParameters
    body: type[Struct] | None = None
    answer: type[Struct] | None = None
    status: HTTPStatus = HTTPStatus.OK
    is_lines: bool = False


OPERATIONS: Final[dict[Handler, Operation]] = {}
"""All handlers of the web API that are described; those of a module once it is imported."""


def describes(
    summary: str,
    *,
    query: type[Struct] = NoParameters,
    body: type[Struct] | None = None,
    answer: type[Struct] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    is_lines: bool = False,
) -> Callable[[Handler], Handler]:
    """Describe the handler that is decorated; the parameters are the fields of `Operation`."""

    def register(handler: Handler) -> Handler:
        OPERATIONS[handler] = Operation(
            summary=summary, query=query, body=body, answer=answer, status=status, is_lines=is_lines
        )
        return handler

    return register
