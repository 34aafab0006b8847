"""Answers that are given again without being found again: never older than what was acknowledged last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest

from oci_spec.digest import Digest
from oci_spec.reference import Tag
from registry.auth.account_name import AccountName
from registry.auth.scope import EVERYTHING
from registry.auth.subject import OPERATOR
from registry.config.schema import Server
from registry.config.values import Network
from registry.http import remembered
from registry.http.remembered import RememberedAnswers
from registry.metadata.rows import TagSearch
from registry.services import accounts, credentials, deletion, inspection
from registry.services.context import Services
from tests import log_files
from tests.registry.assembly import access_to
from tests.registry.http.logging_in import ALICE, basic
from tests.registry.http.serving import Client, Connection, Serve

CONTENT = b"a layer"
MANIFEST = "/v2/team/app/manifests/1"


Given: TypeAlias = list[str]
"""The paths of the requests that were answered from memory, in their order."""


class Clock:
    """What the module of remembered answers takes for `time`: its second goes on when a test says so."""

    perf_counter = staticmethod(time.perf_counter)

    def __init__(self) -> None:
        self.now_s = time.time()

    def time(self) -> float:
        return self.now_s


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    paths: Given = []
    give: Callable[..., bytes | None] = RememberedAnswers.give

    def noting(self: RememberedAnswers, message: Any, address: str) -> bytes | None:
        answer = give(self, message, address)
        if answer is not None:
            paths.append(message.path)
        return answer

    monkeypatch.setattr(RememberedAnswers, "give", noting)
    return paths


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """No test takes so long that the second is over."""
    clock = Clock()
    monkeypatch.setattr(remembered, "time", clock)
    return clock


@pytest.fixture
async def filled(client: Client) -> Client:
    await client.push_blob("team/app", CONTENT)
    await client.push_artifact("team/app", "1")
    return client


def _request(path: str, method: str = "GET", **headers: str) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: registry.test",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def _ask(connection: Connection, request: bytes) -> tuple[int, dict[str, str], bytes]:
    await connection.send(request)
    if request.startswith(b"HEAD"):
        status, headers = await connection.head()
        return status, dict(headers), b""
    answer = await connection.answer()
    return answer.status, dict(answer.headers), answer.body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", [MANIFEST, f"/v2/team/app/blobs/{Digest.of(CONTENT)}", "/v2/"])
async def test_the_same_request_gets_the_same_answer_under_an_id_of_its_own(
    filled: Client, given: Given, method: str, path: str
) -> None:
    async with filled.connection() as connection:
        first = await _ask(connection, _request(path, method))
        again = await _ask(connection, _request(path, method))

    ids = {first[1].pop("X-Request-ID"), again[1].pop("X-Request-ID")}
    assert given == [path]
    assert first == again
    assert len(ids) == 2


async def test_what_was_pushed_meanwhile_is_seen_by_the_next_request(filled: Client, given: Given) -> None:
    async with filled.connection() as connection:
        for _ in range(2):
            old = await _ask(connection, _request(MANIFEST))
        digest, _ = await filled.push_artifact("team/app", "1", annotations={"version": "2"})
        new = await _ask(connection, _request(MANIFEST))

    assert given == [MANIFEST]
    assert new[1]["Docker-Content-Digest"] == str(digest) != old[1]["Docker-Content-Digest"]


async def test_what_was_deleted_meanwhile_is_gone_for_the_next_request(
    filled: Client, http_services: Services, given: Given
) -> None:
    async with filled.connection() as connection:
        for _ in range(2):
            await _ask(connection, _request(MANIFEST))
        await deletion.tag(http_services, access_to("team/app"), Tag.parse("1"))
        status, _, _ = await _ask(connection, _request(MANIFEST))

    assert (given, status) == ([MANIFEST], 404)


async def test_headers_that_differ_make_another_request(filled: Client, given: Given) -> None:
    async with filled.connection() as connection:
        etag = (await _ask(connection, _request(MANIFEST)))[1]["ETag"]
        held = await _ask(connection, _request(MANIFEST, **{"If-None-Match": etag}))
        part = await _ask(connection, _request(f"/v2/team/app/blobs/{Digest.of(CONTENT)}", Range="bytes=0-1"))

    assert (held[0], part[0], part[2]) == (304, 206, CONTENT[:2])
    assert given == []


async def test_every_pull_is_counted(filled: Client, http_services: Services, given: Given) -> None:
    async with filled.connection() as connection:
        for method in ("GET", "GET", "GET", "HEAD", "HEAD"):
            await _ask(connection, _request(MANIFEST, method))
    await http_services.pulls.flush(http_services.database)

    page = await inspection.tags(http_services, access_to("team/app"), TagSearch(limit=10))
    assert len(given) == 3
    assert [listed.detail.pulls for listed in page.tags] == [3]


async def test_every_request_has_its_line_in_the_access_log(filled: Client, given: Given, access_log: Path) -> None:
    async with filled.connection() as connection:
        answers = [await _ask(connection, _request(MANIFEST, **{"User-Agent": "poller"})) for _ in range(3)]

    logged = await _logged(access_log, 3)
    assert len(given) == 2
    assert [line["request_id"] for line in logged] == [headers["X-Request-ID"] for _, headers, _ in answers]
    assert {(line["remote"], line["host"], line["code"], line["sent"]) for line in logged} == {
        ("127.0.0.1", "registry.test", 200, len(answers[0][2]))
    }


async def test_behind_a_trusted_proxy_each_line_names_the_client(serve: Serve, given: Given, access_log: Path) -> None:
    client = await serve(tables={"server": Server(trusted_proxies=(Network.parse("127.0.0.0/8"),))})
    forwarded = {"User-Agent": "poller", "X-Forwarded-For": "192.0.2.7"}
    async with client.connection() as connection:
        for _ in range(2):
            await _ask(connection, _request("/v2/", **forwarded))

    logged = await _logged(access_log, 2)
    assert given == ["/v2/"]
    assert [line["remote"] for line in logged] == ["192.0.2.7"] * 2


async def _logged(access_log: Path, count: int) -> list[dict[str, Any]]:
    """The poller's lines, once there are so many: a thread writes them a moment after the answers."""
    while True:
        found = [entry for entry in log_files.entries(access_log) if entry.get("agent") == "poller"]
        if len(found) >= count:
            return found
        await asyncio.sleep(0.01)


async def test_a_request_that_names_its_id_is_answered_under_it(filled: Client, given: Given) -> None:
    async with filled.connection() as connection:
        for _ in range(2):
            _, headers, _ = await _ask(connection, _request(MANIFEST, **{"X-Request-ID": "mine"}))

    assert (headers["X-Request-ID"], given) == ("mine", [])


async def test_a_reloaded_configuration_holds_for_the_next_request(filled: Client, given: Given) -> None:
    async with filled.connection() as connection:
        await _ask(connection, _request(MANIFEST))
        filled.environment.config = msgspec.structs.replace(filled.environment.config)
        await _ask(connection, _request(MANIFEST))

    assert given == []


async def test_the_next_second_begins_with_a_new_answer(filled: Client, given: Given, clock: Clock) -> None:
    async with filled.connection() as connection:
        _, first, _ = await _ask(connection, _request(MANIFEST))
        await asyncio.sleep(1.001 - time.time() % 1)
        clock.now_s = time.time()
        _, second, _ = await _ask(connection, _request(MANIFEST))

    assert given == []
    assert first["Date"] != second["Date"]


class TestWithAccounts:
    """What proves who asks counts at each request."""

    async def test_a_token_is_asked_for_again_by_nobody_while_nothing_changes(
        self, guarded: Client, given: Given
    ) -> None:
        token = await _token(guarded)
        async with guarded.connection() as connection:
            for _ in range(3):
                status, _, _ = await _ask(connection, _request("/v2/", Authorization=f"Bearer {token}"))

        assert (status, given) == (200, ["/v2/"] * 2)

    async def test_a_disabled_account_is_out_with_the_next_request(
        self, guarded: Client, guarded_services: Services, given: Given
    ) -> None:
        token = await _token(guarded)
        async with guarded.connection() as connection:
            for _ in range(2):
                await _ask(connection, _request("/v2/", Authorization=f"Bearer {token}"))
            await accounts.disable(guarded_services, OPERATOR, AccountName(ALICE))
            status, _, _ = await _ask(connection, _request("/v2/", Authorization=f"Bearer {token}"))

        assert (status, given) == (401, ["/v2/"])

    async def test_a_personal_token_is_looked_at_each_time(
        self, guarded: Client, guarded_services: Services, given: Given
    ) -> None:
        owner = AccountName(ALICE)
        made, _ = await credentials.create(
            guarded_services, OPERATOR, owner, name="here", scope=EVERYTHING, expires_at=None
        )
        async with guarded.connection() as connection:
            for _ in range(2):
                status, _, _ = await _ask(connection, _request("/v2/", Authorization=f"Bearer {made}"))

        assert (status, given) == (200, [])


async def _token(client: Client) -> str:
    answer = await client.get("/token?service=moorage", headers=basic(ALICE))
    return str(answer.document["token"])
