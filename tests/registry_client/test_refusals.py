import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from registry_client import errors, limits
from registry_client.errors import (
    BlobNotFound,
    Denied,
    ManifestNotFound,
    OffsetRefused,
    RateLimited,
    Refused,
    RegistryClientError,
    RepositoryNotFound,
    Unauthorized,
    Unavailable,
    Unsupported,
    UploadNotFound,
)
from registry_client.refusals import read_refusal, read_retry_after

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def refusal(status: int, body: Any = None, **headers: str) -> Refused:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = CIMultiDictProxy(CIMultiDict(headers))
    return read_refusal(status, fields, content, method="GET", url="http://a/v2/", not_found=ManifestNotFound)


def said(code: str, message: str = "no") -> dict[str, Any]:
    return {"errors": [{"code": code, "message": message, "detail": {}}, {"code": "OTHER"}]}


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "DIGEST_INVALID", Refused),
        (401, "UNAUTHORIZED", Unauthorized),
        (403, "DENIED", Denied),
        (404, "NAME_UNKNOWN", RepositoryNotFound),
        (404, "BLOB_UNKNOWN", BlobNotFound),
        (404, "BLOB_UPLOAD_UNKNOWN", UploadNotFound),
        (404, "", ManifestNotFound),
        (405, "UNSUPPORTED", Unsupported),
        (416, "RANGE_INVALID", OffsetRefused),
        (429, "TOOMANYREQUESTS", RateLimited),
        (500, "UNKNOWN", Unavailable),
        (503, "UNAVAILABLE", Unavailable),
    ],
)
def test_a_refusal_is_of_the_kind_that_its_status_and_code_say(status: int, code: str, kind: type[Refused]) -> None:
    refused = refusal(status, said(code))

    assert type(refused) is kind
    assert (refused.status, refused.code, refused.message) == (status, code, "no")
    assert f"GET http://a/v2/ was answered {status}" in str(refused)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (said("DENIED", "a\x1b[31m\r\nb\u202ec"), "DENIED", "a [31m b c"),
        (said("DENIED", "x" * 10_000), "DENIED", "x" * (limits.MESSAGE_CHARACTERS - 1) + "…"),
        (said("<script>"), "", "no"),
        (said("A" * 1000), "", "no"),
        ({"errors": [{"code": 1, "message": 2}]}, "", ""),
        ({"errors": []}, "", ""),
        ({"details": "incorrect username or password"}, "", "incorrect username or password"),
        ({"error": "invalid_grant", "error_description": "no such grant"}, "", "no such grant"),
        (b"<html>", "", ""),
        (b"[" * 10_000, "", ""),
    ],
)
def test_what_the_other_side_says_is_cut_and_cleaned(body: Any, code: str, message: str) -> None:
    refused = refusal(403, body)

    assert (refused.code, refused.message) == (code, message)


@given(st.text())
def test_a_text_of_the_other_side_is_always_one_printable_line(text: str) -> None:
    line = errors.cleaned(text)

    assert line.isprintable()
    assert len(line) <= limits.MESSAGE_CHARACTERS


def test_a_refusal_tells_how_long_to_stay_away() -> None:
    assert refusal(429, {}, **{"Retry-After": "7"}).retry_after_s == 7


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("9" * 5000, 1e9),
        (None, None),
        ("", None),
        ("-1", None),
        ("soon", None),
        ("1.5", None),
    ],
)
def test_seconds_are_seconds(text: str | None, seconds: float | None) -> None:
    assert read_retry_after(text, NOW) == seconds


@given(st.integers(-(10**6), 10**6))
def test_a_date_is_as_many_seconds_as_it_is_away(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)

    assert read_retry_after(date, NOW) == max(0, seconds)


@given(st.text())
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    wanted = read_retry_after(text, NOW)

    assert wanted is None or wanted >= 0


def test_the_tree_of_errors_is_drawn_whole() -> None:
    def names(kind: type[RegistryClientError]) -> list[str]:
        return [kind.__name__, *(name for child in kind.__subclasses__() for name in names(child))]

    assert [name for name in names(RegistryClientError) if name not in (errors.__doc__ or "")] == []
