"""Errors that a registry answers with, as this room's own (distribution-spec, "Error Codes")."""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from datetime import UTC, datetime

from multidict import CIMultiDictProxy

from oci_spec.error_codes import ErrorCode
from registry_client import limits
from registry_client.errors import (
    AnswerInvalid,
    BlobNotFound,
    Denied,
    ManifestNotFound,
    NotFound,
    OffsetRefused,
    RateLimited,
    Refused,
    RepositoryNotFound,
    Unauthorized,
    Unavailable,
    Unsupported,
    UploadNotFound,
    cleaned,
)
from registry_client.json_answers import read_object

_BY_STATUS: Mapping[int, type[Refused]] = {
    401: Unauthorized,
    403: Denied,
    404: NotFound,
    405: Unsupported,
    416: OffsetRefused,
    429: RateLimited,
    501: Unsupported,
}
_NOT_FOUND_BY_CODE: Mapping[str, type[NotFound]] = {
    ErrorCode.NAME_UNKNOWN: RepositoryNotFound,
    ErrorCode.MANIFEST_UNKNOWN: ManifestNotFound,
    ErrorCode.BLOB_UNKNOWN: BlobNotFound,
    ErrorCode.BLOB_UPLOAD_UNKNOWN: UploadNotFound,
}
_CODE_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
_SECONDS_DIGITS = 9


def read_refusal(
    status: int,
    headers: CIMultiDictProxy[str],
    body: bytes,
    *,
    method: str,
    url: str,
    not_found: type[NotFound] = NotFound,
) -> Refused:
    """The error that an answer is; a 404 without a telling code is `not_found`."""
    code, message = _said(body)
    kind = _BY_STATUS.get(status, Unavailable if status >= 500 else Refused)
    if kind is NotFound:
        kind = _NOT_FOUND_BY_CODE.get(code, not_found)
    retry_after_s = read_retry_after(headers.get("Retry-After"), datetime.now(UTC))
    return kind(status, code=code, message=message, method=method, url=url, retry_after_s=retry_after_s)


def read_retry_after(text: str | None, now: datetime) -> float | None:
    """The seconds that a `Retry-After` asks for, as a number or as a date; None for anything else."""
    text = (text or "").strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) <= _SECONDS_DIGITS else float(10**_SECONDS_DIGITS)
    try:
        date = email.utils.parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError, TypeError):
        return None
    # Dates of HTTP are in UTC, also where they come without a zone.
    aware = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


def _said(body: bytes) -> tuple[str, str]:
    """Code and message of the first error; of OAuth2's and others' bodies, the message alone."""
    try:
        document = read_object(body)
    except AnswerInvalid:
        return "", ""
    errors = document.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        document = errors[0]
    code = document.get("code")
    known = isinstance(code, str) and len(code) <= limits.CODE_CHARACTERS and not code.strip(_CODE_CHARACTERS)
    return str(code) if known else "", _message(document)


def _message(document: Mapping[str, object]) -> str:
    for name in ("message", "error_description", "details", "error"):
        value = document.get(name)
        if isinstance(value, str):
            return cleaned(value)
    return ""
