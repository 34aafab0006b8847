"""Answers given where their requests arrive: the same as on the way of all requests, in the same order."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oci_spec.digest import Digest
from registry import limits
from registry.http.at_once import TakesTime, result_at_once, whole_answer
from registry.metadata.database import Database
from registry.services.context import Services, now
from tests.registry.assembly import access_to
from tests.registry.http.loop_time import LoopTime
from tests.registry.http.serving import Answer, Client, Serve
from tests.registry.uploading import spend_lease

SMALL, LARGE = b"a small blob" * 50, b"a large blob" * 10_000
ABSENT = Digest.of(b"nobody pushed this")


@contextmanager
def taking_time(database: Database) -> Iterator[None]:
    """Every request waits for its lookups, as on a database that is asked over a network."""
    database.inline_lookups = False
    try:
        yield
    finally:
        database.inline_lookups = True


def _same(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """What must not depend on the way that an answer took."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    del headers["date"], headers["x-request-id"]
    return answer.status, headers, answer.body


@pytest.fixture
async def filled(client: Client) -> Client:
    await client.push_blob("team/app", SMALL)
    await client.push_blob("team/app", LARGE)
    await client.push_blob("team/app", b"")
    await client.push_artifact("team/app", "1")
    return client


PATHS = st.sampled_from(
    [
        "/v2/",
        "/v2",
        "/v2/team/app/manifests/1",
        "/v2/team/app/manifests/absent",
        "/v2/team/app/manifests/.illegal",
        f"/v2/team/app/manifests/{ABSENT}",
        "/v2/other/manifests/1",
        "/v2/TEAM/app/manifests/1",
        "/v2/team%2Fapp/manifests/1",
        "/v2/team/app/manifests/1?n=1",
        f"/v2/team/app/blobs/{Digest.of(SMALL)}",
        f"/v2/team/app/blobs/{Digest.of(LARGE)}",
        f"/v2/team/app/blobs/{Digest.of(b'')}",
        f"/v2/team/app/blobs/{ABSENT}",
        "/v2/team/app/blobs/md5:0",
        "/v2/team/app/blobs/sha256:0",
        "/v2/team/app/tags/list",
        "/v2/_catalog",
        "/nowhere",
        "/healthz",
    ]
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "If-None-Match": st.sampled_from([f'"{Digest.of(SMALL)}"', "*", "other"]),
        "Range": st.sampled_from(["bytes=0-9", "bytes=5-", "bytes=-3", "bytes=1-2,5-6", "bytes=99999999-", "lines=1"]),
        "If-Range": st.sampled_from([f'"{Digest.of(SMALL)}"', '"other"']),
        "Accept": st.sampled_from(["*/*", "application/vnd.oci.image.index.v1+json"]),
        "Expect": st.just("100-continue"),
        "Connection": st.sampled_from(["close", "keep-alive"]),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=st.sampled_from(["GET", "HEAD", "POST", "DELETE"]), path=PATHS, headers=HEADERS)
async def test_an_answer_is_the_same_on_every_way(
    filled: Client, method: str, path: str, headers: dict[str, str]
) -> None:
    # What is deleted is gone the second time.
    if method == "DELETE" and "absent" not in path and str(ABSENT) not in path:
        method = "GET"

    at_once = await filled.ask(method, path, headers=headers)
    again = await filled.ask(method, path, headers=headers)
    with taking_time(filled.environment.services.database):
        in_time = await filled.ask(method, path, headers=headers)

    if at_once.headers.get("Content-Type", "").startswith("multipart/"):
        # The boundaries are made by chance.
        assert len({(answer.status, len(answer.body)) for answer in (at_once, again, in_time)}) == 1
    else:
        assert _same(at_once) == _same(again) == _same(in_time)


async def test_pipelined_requests_are_answered_in_their_order_whatever_way_each_takes(filled: Client) -> None:
    paths = [
        "/v2/",
        f"/v2/team/app/blobs/{Digest.of(SMALL)}",
        "/v2/team/app/tags/list",
        "/v2/team/app/manifests/1",
        f"/v2/team/app/blobs/{Digest.of(LARGE)}",
        f"/v2/team/app/blobs/{Digest.of(SMALL)}",
    ] * 200
    one_by_one = [_same(await filled.get(path)) for path in paths[:6]] * 200

    async with filled.connection() as connection:
        await connection.send(*(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for path in paths))
        together = [_same(await connection.answer()) for _ in paths]

    assert together == one_by_one


async def test_a_request_to_change_the_protocol_does_not_keep_the_next_one_from_its_answer(client: Client) -> None:
    ping = b"GET /v2/ HTTP/1.1\r\nHost: a\r\n"
    upgrade = ping + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    ping += b"\r\n"

    async with client.connection() as connection, asyncio.timeout(60):
        bodies = []
        # Alone, each finds the connection at rest.
        for pieces in [(ping,), (upgrade,), (ping,), (ping, upgrade, ping)]:
            await connection.send(*pieces)
            bodies += [(await connection.answer()).body for _ in pieces]

    assert bodies == [b"{}"] * 6


async def test_a_request_in_pieces_is_answered_with_its_last_one(filled: Client) -> None:
    async with filled.connection() as connection:
        for piece in b"GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\nGET /v2/ HT":
            await connection.send(bytes([piece]))
        first = await connection.answer()
        await connection.send(b"TP/1.1\r\nHost: a\r\n\r\n")
        second = await connection.answer()

    assert (first.body, second.body) == (b"{}", b"{}")


async def test_what_a_client_does_not_take_is_not_piled_up(serve: Serve) -> None:
    client = await serve()
    content = b"a" * 60_000
    digest = await client.push_blob("team/app", content)
    asked = 500

    async with client.connection() as connection:
        await connection.send(
            *[f"GET /v2/team/app/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n".encode()] * asked,
        )
        # It serves others, and this one's answers wait for it.
        assert (await client.get("/v2/")).status == 200
        waiting = client.untaken()
        answers = [await connection.answer() for _ in range(asked)]

    assert waiting < 10 * len(content)
    assert all(answer.body == content for answer in answers)


async def test_a_connection_lives_by_the_requests_that_are_answered_at_once(serve: Serve, loop_time: LoopTime) -> None:
    keepalive_s = 60.0
    client = await serve(keepalive_s=keepalive_s)

    async with client.connection() as connection:
        for _ in range(5):
            await connection.send(b"GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await connection.answer()).status == 200
            await loop_time.passes(keepalive_s - 1)
        await loop_time.passes(1)
        rest = await connection.rest()

    # And when there are none any more, it ends.
    assert rest == b""


async def test_a_lease_that_has_to_be_written_is_waited_for(filled: Client, http_services: Services) -> None:
    access, digest = access_to("team/app"), Digest.of(SMALL)
    await spend_lease(http_services, access, digest, left_s=1)

    answer = await filled.ask("HEAD", f"/v2/team/app/blobs/{digest}")

    found = await http_services.database.lookups.linked_blob(access.repository, digest)
    assert answer.status == 200
    assert found is not None
    assert found.lease_until > now() + timedelta(seconds=limits.LEASE_S / 2)


async def test_what_has_to_wait_is_closed() -> None:
    ended: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("closed")

    with pytest.raises(TakesTime):
        result_at_once(waits())

    assert ended == ["closed"]


async def test_what_is_raised_at_once_is_raised() -> None:
    async def fails() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        result_at_once(fails())


def test_a_body_that_is_not_at_hand_takes_time() -> None:
    with pytest.raises(TakesTime):
        whole_answer(web.Response(body=io.BytesIO(b"a file")), "GET")
