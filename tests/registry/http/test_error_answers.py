import json

import pytest
from aiohttp import web

from registry.errors import MANIFEST_UNKNOWN, ErrorAnswer, ErrorEntry, PageSizeInvalid, StorageFull
from registry.http.error_answers import answer_to, as_response


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (web.HTTPRequestEntityTooLarge(1, 2), 413, "UNSUPPORTED"),
        (web.HTTPUnauthorized(), 401, "UNAUTHORIZED"),
        (web.HTTPForbidden(), 403, "DENIED"),
        (web.HTTPTooManyRequests(), 429, "TOOMANYREQUESTS"),
    ],
)
def test_what_aiohttp_itself_refuses_is_answered_in_our_form(error: Exception, status: int, code: str) -> None:
    answer = answer_to(error, {})

    assert (answer.status, answer.entries[0].code) == (status, code)


def test_a_passing_failure_says_when_to_come_back() -> None:
    response = as_response(answer_to(StorageFull(), {}), "/v2/")

    assert response.status == 507
    assert response.headers["Retry-After"].isdigit()


def test_text_that_is_none_is_escaped() -> None:
    entry = ErrorEntry(answer_to(StorageFull(), {}).entries[0].code, "\udcff\n\0é")

    response = as_response(ErrorAnswer(400, (entry,)), "/v2/")

    assert isinstance(response.body, bytes)
    assert response.body.isascii()
    assert json.loads(response.body)["errors"][0]["message"] == "\udcff\n\0é"


def test_a_route_may_give_an_error_another_meaning() -> None:
    answer = answer_to(PageSizeInvalid(), {PageSizeInvalid: MANIFEST_UNKNOWN})

    assert (answer.status, answer.entries[0].code) == (404, "MANIFEST_UNKNOWN")
