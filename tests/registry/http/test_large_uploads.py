"""Bodies that are large enough to be read past aiohttp, and what can go wrong with them on the way."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from tests.patterns import pattern
from tests.registry.assembly import open_services
from tests.registry.http.serving import Client, Connection, Serve
from tests.registry.http.upload_requests import UPLOADS, chunked, closing, patch, start
from tests.registry.uploading import upload_files

CONTENT = pattern(3_200_000)
LENGTH = b"Content-Length: %d\r\n" % len(CONTENT)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
PING = b"GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n"


def in_chunks(content: bytes, size: int = 32_768) -> bytes:
    """`content` as clients stream it, without its end."""
    pieces = [content[begin : begin + size] for begin in range(0, len(content), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


def head(path: str, framing: bytes, fields: bytes = b"") -> bytes:
    return b"PATCH %b HTTP/1.1\r\nHost: a\r\n%b%b\r\n" % (path.encode(), framing, fields)


BODIES = pytest.mark.parametrize(
    ("framing", "body", "half"),
    [
        pytest.param(LENGTH, CONTENT, len(CONTENT) // 2, id="length"),
        pytest.param(CHUNKED, in_chunks(CONTENT) + b"0\r\n\r\n", len(in_chunks(CONTENT[: 32_768 * 40])), id="chunked"),
    ],
)


async def finish(client: Client, location: str, content: bytes = CONTENT) -> None:
    """Close the session, which has `content`, and see that it is that."""
    digest = Digest.of(content)
    assert (await client.ask("PUT", closing(location, digest))).status == 201
    assert (await client.get(f"/v2/team/app/blobs/{digest}")).body == content


@BODIES
async def test_the_connection_goes_on_behind_a_large_body(
    client: Client, framing: bytes, body: bytes, half: int
) -> None:
    async with client.connection() as connection:
        for _ in range(2):
            path = await start(client)
            await connection.send(head(path, framing), body)
            answer = await connection.answer()
            await connection.send(PING)

            assert (answer.status, answer.headers["Range"]) == (202, f"0-{len(CONTENT) - 1}")
            assert (await connection.answer()).body == b"{}"
            await finish(client, answer.headers["Location"])


@BODIES
async def test_what_comes_right_behind_a_large_body_is_the_next_request(
    client: Client, framing: bytes, body: bytes, half: int
) -> None:
    path = await start(client)
    async with client.connection() as connection:
        await connection.send(head(path, framing), body, PING, PING)

        found = [await connection.answer() for _ in range(3)]

    assert [answer.status for answer in found] == [202, 200, 200]


async def test_extensions_and_trailers_are_no_part_of_a_large_body(client: Client) -> None:
    path = await start(client)
    body = b'%x;name=value;other="quo;ted"\r\n%b\r\n0;last\r\nX-Checksum: abc\r\n\r\n' % (len(CONTENT), CONTENT)

    async with client.connection() as connection:
        await connection.send(head(path, CHUNKED), body)
        answer = await connection.answer()

    assert answer.status == 202
    await finish(client, answer.headers["Location"])


@BODIES
async def test_a_large_body_waits_until_it_is_asked_for(client: Client, framing: bytes, body: bytes, half: int) -> None:
    path = await start(client)
    async with client.connection() as connection:
        await connection.send(head(path, framing, b"Expect: 100-continue\r\n"))
        assert (await connection.head())[0] == 100
        await connection.send(body)
        answer = await connection.answer()

    await finish(client, answer.headers["Location"])


@BODIES
async def test_what_came_of_a_large_body_before_its_client_went_away_is_kept(
    client: Client, framing: bytes, body: bytes, half: int
) -> None:
    path = await start(client)
    async with client.connection() as connection:
        await connection.send(head(path, framing), body[:half])
        connection.end()
        answer, rest = await connection.answer(), await connection.rest()

    assert (answer.refusal, rest) == ((400, "BLOB_UPLOAD_INVALID"), b"")
    await _go_on(client, path)


@BODIES
async def test_a_client_that_resets_its_connection_keeps_what_it_sent(
    client: Client, framing: bytes, body: bytes, half: int
) -> None:
    path = await start(client)
    async with client.connection() as connection:
        await connection.send(head(path, framing, b"Expect: 100-continue\r\n"))
        # The session is the request's from here on.
        assert (await connection.head())[0] == 100
        await connection.send(body[:half])
    await client.until_idle()

    await _go_on(client, path)


@BODIES
async def test_a_large_body_that_stalls_is_given_up(serve: Serve, framing: bytes, body: bytes, half: int) -> None:
    client = await serve(stall_s=2)
    path = await start(client)
    async with client.connection() as connection:
        await connection.send(head(path, framing), body[:half])
        answer, rest = await connection.answer(), await connection.rest()

    assert (answer.refusal, rest) == ((400, "BLOB_UPLOAD_INVALID"), b"")
    assert answer.headers["Connection"] == "close"
    await _go_on(client, path)


async def test_chunks_that_break_off_late_are_refused_and_what_came_before_is_kept(client: Client) -> None:
    path = await start(client)
    async with client.connection() as connection:
        await connection.send(head(path, CHUNKED), in_chunks(CONTENT[:1_000_000]), b"zz\r\n", PING)
        answer, rest = await connection.answer(), await connection.rest()

    assert (answer.refusal, rest) == ((400, "BLOB_UPLOAD_INVALID"), b"")
    await _go_on(client, path)


@pytest.mark.parametrize("framing", [LENGTH, CHUNKED])
async def test_a_large_body_beyond_the_limit_is_refused(
    serve: Serve, storage_root: Path, sqlite_url: str, framing: bytes
) -> None:
    async with open_services(storage_root, sqlite_url, blob_bytes=len(CONTENT) - 1) as services:
        client = await serve(services=services)
        path = await start(client)
        async with client.connection() as connection:
            await connection.send(head(path, framing))
            sending = asyncio.create_task(_send_all(connection, in_chunks(CONTENT)))
            answer = await connection.answer()
            sending.cancel()

        assert answer.refusal == (413, "SIZE_INVALID")
        assert (await client.get(path)).headers["Range"] == "0-0"


async def test_a_streamed_chunk_of_another_size_than_its_range_is_refused_whole(client: Client) -> None:
    location = await start(client)

    short = await client.ask("PATCH", location, data=chunked(CONTENT), headers={"Content-Range": "0-9999999"})
    long = await client.ask("PATCH", location, data=chunked(CONTENT), headers={"Content-Range": "0-99999"})

    assert short.refusal == long.refusal == (400, "SIZE_INVALID")
    assert (await client.get(location)).headers["Range"] == "0-0"


async def test_a_large_single_post_makes_a_blob_or_leaves_nothing(client: Client, storage_root: Path) -> None:
    right = await client.ask("POST", f"{UPLOADS}?digest={Digest.of(CONTENT)}", data=chunked(CONTENT))
    wrong = await client.ask("POST", f"{UPLOADS}?digest={Digest.of(b'other')}", data=chunked(CONTENT))

    assert (right.status, wrong.refusal) == (201, (400, "DIGEST_INVALID"))
    assert upload_files(storage_root) == []


async def test_a_large_body_that_is_not_wanted_does_not_cost_the_answer(client: Client) -> None:
    unknown = f"{UPLOADS}00000000-0000-0000-0000-000000000000"
    async with client.connection() as connection:
        sending = asyncio.create_task(_send_all(connection, head(unknown, LENGTH) + CONTENT))
        answer, rest = await connection.answer(), await connection.rest()
        sending.cancel()

    assert (answer.refusal, rest) == ((404, "BLOB_UPLOAD_UNKNOWN"), b"")


async def test_more_stalled_uploads_than_threads_keep_nobody_from_finishing(client: Client) -> None:
    stalled = [client.connection() for _ in range(16)]
    for opening in stalled:
        connection = await opening.__aenter__()
        await connection.send(head(await start(client), CHUNKED), in_chunks(CONTENT)[:300_000])
    try:
        answer = await patch(client, await start(client), CONTENT)
        await finish(client, answer.headers["Location"])
    finally:
        for opening in stalled:
            await opening.__aexit__(None, None, None)


async def _go_on(client: Client, path: str) -> None:
    """Send what is missing of CONTENT, from where the session says it stands, and close it."""
    status = await client.get(path)
    offset = int(status.headers["Range"].partition("-")[2]) + 1
    assert offset > 100_000
    answer = await patch(client, status.headers["Location"], CONTENT[offset:])
    await finish(client, answer.headers["Location"])


async def _send_all(connection: Connection, content: bytes) -> None:
    with suppress(ConnectionError):
        await connection.send(content)
