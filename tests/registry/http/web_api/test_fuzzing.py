"""Requests that nobody wrote: the API document says what may be asked, and schemathesis makes the rest up.

Whatever comes, nothing is answered with a 5xx, and every answer is one that the document describes. The requests are
the same in every run.
"""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import load_all_checks
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from tests.registry.app.processes import Registry, running

PASSWORD = "correct horse battery"
LOGIN = {"Authorization": "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()}
BOUNDED = settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with accounts in force, and one of them: the administrator's."""
    data = tmp_path_factory.mktemp("fuzzed") / "data"
    given_password = ("auth.mode=token", f"auth.admin_password={PASSWORD}", "server.workers=1")
    with running(data, *given_password) as started:
        yield started


def test_no_request_of_the_web_api_is_answered_otherwise_than_described(registry: Registry) -> None:
    load_all_checks()
    document = json.loads(registry.ask("GET", "/api/v1/openapi.json").body)
    schema = schemathesis.openapi.from_dict(document)
    url = f"http://127.0.0.1:{registry.port}"
    asked = 0

    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()

        @BOUNDED
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            response = case.call(base_url=url, headers=LOGIN)
            case.validate_response(
                response,
                checks=[
                    schemathesis.checks.not_a_server_error,
                    checks.content_type_conformance,
                    checks.response_schema_conformance,
                ],
            )

        ask()

    assert asked > 100


WORDS = st.one_of(
    st.sampled_from(
        [
            "password",
            "refresh_token",
            "registry:catalog:*",
            "repository:a/b:pull,push,delete,*",
            "repository:" + "a/" * 100 + "a:*",
            "offline",
            "true",
            "admin",
            PASSWORD,
            "mrg_f_" + "a" * 43 + "_00000000",
        ]
    ),
    st.text(max_size=40),
    st.text(string.punctuation + string.ascii_letters, max_size=400),
)
NAMES = st.sampled_from(
    [
        *("service", "scope", "account", "client_id", "offline_token", "access_type", "grant_type", "username"),
        *("password", "refresh_token", "subject_token", "subject_token_type", "audience"),
    ]
)
FIELDS = st.lists(st.tuples(NAMES | st.text(max_size=8), WORDS), max_size=8)
BASIC = st.one_of(st.none(), st.just(LOGIN["Authorization"]), st.text(string.printable[:95], max_size=60))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_request_for_a_token_fails_the_registry(registry: Registry, method: str) -> None:
    @settings(BOUNDED, max_examples=150)
    @given(fields=FIELDS, authorization=BASIC, raw=st.none() | st.binary(max_size=200))
    def ask(fields: list[tuple[str, str]], authorization: str | None, raw: bytes | None) -> None:
        form = urlencode(fields, errors="surrogatepass")
        headers = {"Authorization": authorization} if authorization is not None else {}
        path, body = (f"/token?{form}", None) if method == "GET" else ("/token", form.encode() if raw is None else raw)

        answer = registry.ask(method, path, body, headers=headers)

        assert answer.status in {200, 400, 401, 429}, answer
        document = json.loads(answer.body)
        assert ("token" in document) is (answer.status == 200)
        assert answer.status != 401 or answer.headers["WWW-Authenticate"]

    ask()
