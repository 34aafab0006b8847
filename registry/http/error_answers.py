"""Errors as answers: the specification's JSON, and problem details for the web API."""

from __future__ import annotations

import json
from http import HTTPStatus

from aiohttp import web

from oci_spec.error_codes import ErrorCode
from registry.errors import ErrorAnswer, ErrorEntry, answer
from registry.http.routing import Malformed

_PROBLEM_PREFIX = "/api/"
_CODES = {401: ErrorCode.UNAUTHORIZED, 403: ErrorCode.DENIED, 429: ErrorCode.TOOMANYREQUESTS}


def answer_to(error: Exception, malformed: Malformed) -> ErrorAnswer:
    """How `error` is answered on a route with these meanings of malformed input."""
    if isinstance(error, web.HTTPException) and error.status >= HTTPStatus.BAD_REQUEST:
        # Only aiohttp's own code raises these: handlers raise what the table of errors knows.
        code = _CODES.get(error.status, ErrorCode.UNSUPPORTED)
        return ErrorAnswer(error.status, (ErrorEntry(code, error.reason),))
    return answer(error, malformed)


def as_response(error: ErrorAnswer, path: str) -> web.Response:
    """The answer in the form that clients of `path` read."""
    body, content_type = _problem(error) if path.startswith(_PROBLEM_PREFIX) else _specified(error)
    headers = {**error.headers, "Content-Type": content_type}
    # Escaped to ASCII, since a client's own text in a message may be no text at all.
    return web.Response(status=error.status, body=json.dumps(body).encode(), headers=headers)


def _specified(error: ErrorAnswer) -> tuple[object, str]:
    """The form of distribution-spec, "Error Codes"."""
    return {"errors": [_entry(entry) for entry in error.entries]}, "application/json"


def _problem(error: ErrorAnswer) -> tuple[object, str]:
    """The form of RFC 9457, "Problem Details for HTTP APIs"; `code` and `errors` are extension members."""
    first = error.entries[0]
    body = {
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": first.message,
        "code": first.code,
        "errors": [_entry(entry) for entry in error.entries],
    }
    return body, "application/problem+json"


def _entry(entry: ErrorEntry) -> dict[str, object]:
    content: dict[str, object] = {"code": entry.code, "message": entry.message}
    if entry.detail is not None:
        content["detail"] = entry.detail
    return content
