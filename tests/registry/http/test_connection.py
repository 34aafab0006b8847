import pytest

from oci_spec.digest import Digest
from tests.registry.http.loop_time import LoopTime
from tests.registry.http.serving import Client, Serve

PING = b"GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /v2/team/app/blobs/uploads/?digest=%s HTTP/1.1\r\nHost: a\r\n" % str(Digest.of(b"hello")).encode()

# By a clock that the test moves; less than half of what a body may stall.
HEADER_S = 20.0


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", id="TLS"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
        pytest.param(b"GET /v2/ HTTP/1.1\nHost: a\n\n", id="bare line feeds"),
        pytest.param(b"get /v2/ HTTP/1.1\r\nHost: a\r\n\r\n", id="a method in lower case"),
        pytest.param(b"GET v2/ HTTP/1.1\r\nHost: a\r\n\r\n", id="no slash"),
        pytest.param(b"GET /v2/ HTTP/3.7\r\nHost: a\r\n\r\n", id="another version"),
        pytest.param(b"GET /v2/\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n", id="no UTF-8"),
        pytest.param(b"GET /v2/ HTTP/1.1\r\n\r\n", id="no host"),
        pytest.param(b"GET /v2/ HTTP/1.1\r\nHost : a\r\n\r\n", id="a space before the colon"),
        pytest.param(b"GET /v2/ HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", id="a folded header"),
        pytest.param(b"GET /v2/ HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", id="NUL in a header"),
        pytest.param(b"GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n", id="a broken authority"),
        pytest.param(PING[:-2] + b"".join(b"X%d: a\r\n" % n for n in range(200)) + b"\r\n", id="too many headers"),
        pytest.param(
            POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", id="CL+TE"
        ),
        pytest.param(POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", id="two lengths"),
        pytest.param(POST + b"Content-Length: 5, 6\r\n\r\nhello", id="a list of lengths"),
        pytest.param(POST + b"Content-Length: -5\r\n\r\nhello", id="a negative length"),
        pytest.param(POST + b"Content-Length: +5\r\n\r\nhello", id="a signed length"),
        pytest.param(POST + b"Content-Length: 0x5\r\n\r\nhello", id="a hexadecimal length"),
        pytest.param(POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", id="an unknown coding"),
        pytest.param(POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", id="chunked not last"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", id="a broken chunk size"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", id="a broken chunk end"),
    ],
)
async def test_what_is_no_http_is_refused_in_json_and_ends_the_connection(client: Client, request_bytes: bytes) -> None:
    async with client.connection() as connection:
        await connection.send(request_bytes)
        answer = await connection.answer()
        rest = await connection.rest()

    assert answer.refusal == (400, "UNSUPPORTED")
    assert answer.document["errors"][0]["message"].startswith("the request cannot be read: ")
    assert answer.headers["Docker-Distribution-API-Version"] == "registry/2.0"
    # Nothing that was smuggled behind it was taken for a request.
    assert rest == b""
    assert (await client.ask("HEAD", f"/v2/team/app/blobs/{Digest.of(b'hello')}")).status == 404


@pytest.mark.parametrize(
    "request_bytes",
    [b"GET /v2/" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", PING[:-2] + b"X: " + b"a" * 40_000 + b"\r\n\r\n"],
    ids=["line", "header"],
)
async def test_a_line_or_header_that_is_too_long_is_refused_in_json(client: Client, request_bytes: bytes) -> None:
    answer = await client.raw(request_bytes)

    assert answer.refusal == (431, "UNSUPPORTED")


async def test_the_refusal_of_what_is_no_http_has_the_headers_of_every_answer(client: Client) -> None:
    answer = await client.raw(b"GET v2/ HTTP/1.1\r\nHost: a\r\n\r\n")

    assert answer.headers["Server"] == "Moorage"
    assert answer.headers["X-Request-ID"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_long_header_within_the_limit_is_read(client: Client) -> None:
    answer = await client.raw(PING[:-2] + b"Authorization: Bearer " + b"a" * 30_000 + b"\r\n\r\n")

    assert answer.status == 200


@pytest.mark.parametrize(
    "line", [b"OPTIONS * HTTP/1.1", b"CONNECT a:80 HTTP/1.1", b"GET http://a HTTP/1.1", b"GET /v2/x#y HTTP/1.1"]
)
async def test_a_target_that_is_no_path_of_ours_is_refused_in_json(client: Client, line: bytes) -> None:
    answer = await client.raw(line + b"\r\nHost: a\r\n\r\n")

    assert answer.refusal == (404, "UNSUPPORTED")


async def test_an_upgrade_is_not_taken_up(client: Client) -> None:
    answer = await client.raw(PING[:-2] + b"Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")

    assert (answer.status, answer.body) == (200, b"{}")


async def test_http_1_0_is_served_and_its_connection_closed(client: Client) -> None:
    async with client.connection() as connection:
        await connection.send(b"GET /v2/ HTTP/1.0\r\n\r\n")
        answer = await connection.answer()
        rest = await connection.rest()

    assert (answer.status, answer.body, rest) == (200, b"{}", b"")


async def test_pipelined_requests_are_answered_in_their_order(client: Client) -> None:
    async with client.connection() as connection:
        await connection.send(PING, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", PING)
        bodies = [(await connection.answer()).body for _ in range(3)]

    assert bodies == [b"{}", b'{"status": "ok"}', b"{}"]


async def test_more_bytes_than_were_announced_are_no_part_of_the_body(client: Client) -> None:
    async with client.connection() as connection:
        await connection.send(POST, b"Content-Length: 5\r\n\r\nhello")
        answer = await connection.answer()
        await connection.send(b", and more\r\n\r\n")
        more, rest = await connection.answer(), await connection.rest()

    assert answer.status == 201
    assert more.refusal == (400, "UNSUPPORTED")
    assert rest == b""
    blob = await client.get(f"/v2/team/app/blobs/{Digest.of(b'hello')}")
    assert blob.body == b"hello"


async def test_a_request_with_garbage_on_its_heels_is_refused_as_a_whole(client: Client) -> None:
    async with client.connection() as connection:
        await connection.send(POST, b"Content-Length: 5\r\n\r\nhello, and more\r\n\r\n")
        answer, rest = await connection.answer(), await connection.rest()

    assert answer.refusal == (400, "UNSUPPORTED")
    assert rest == b""


@pytest.mark.parametrize(
    "body", [b"Content-Length: 9\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n9\r\nhello",
             b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"], ids=["length", "chunk", "chunks"],
)  # fmt: skip
async def test_fewer_bytes_than_were_announced_are_no_body(client: Client, body: bytes) -> None:
    async with client.connection() as connection:
        await connection.send(POST, body)
        connection.end()
        answer = await connection.answer()
        rest = await connection.rest()

    assert answer.refusal == (400, "BLOB_UPLOAD_INVALID")
    assert answer.headers["Connection"] == "close"
    assert rest == b""
    assert (await client.ask("HEAD", f"/v2/team/app/blobs/{Digest.of(b'hello')}")).status == 404


async def test_a_client_that_says_it_sends_no_more_still_gets_its_answer(client: Client) -> None:
    async with client.connection() as connection:
        await connection.send(PING)
        connection.end()
        answer = await connection.answer()
        rest = await connection.rest()

    assert (answer.status, rest) == (200, b"")


async def test_chunks_that_break_off_in_the_middle_end_the_connection(client: Client) -> None:
    async with client.connection() as connection:
        await connection.send(POST, b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        assert (await connection.head())[0] == 100
        await connection.send(b"5\r\nhello\r\nzz\r\n")
        answer = await connection.answer()

    assert answer.refusal == (400, "BLOB_UPLOAD_INVALID")


@pytest.mark.parametrize("begun", [b"", b"GET /v2/ HTTP/1.1\r\nHost: a\r\nX-Slow"])
async def test_headers_that_do_not_arrive_in_time_end_the_connection(serve: Serve, begun: bytes) -> None:
    client = await serve(header_s=0.1)

    async with client.connection() as connection:
        await connection.send(begun)

        assert await connection.rest() == b""


async def test_headers_of_a_later_request_have_the_same_time(serve: Serve, loop_time: LoopTime) -> None:
    client = await serve(header_s=HEADER_S)

    async with client.connection() as connection:
        await connection.send(PING)
        await connection.answer()
        await loop_time.passes(1)
        await connection.send(b"GET /v2/ HT")
        await client.until_heard(loop_time.now_s)
        await loop_time.passes(HEADER_S)

        assert await connection.rest() == b""


async def test_headers_that_trickle_in_are_given_no_longer(serve: Serve, loop_time: LoopTime) -> None:
    client = await serve(header_s=HEADER_S)

    async with client.connection() as connection:
        await connection.send(b"GET /v2/ HTTP/1.1\r\n")
        for _ in range(int(HEADER_S) - 1):
            await loop_time.passes(1)
            await connection.send(b"X")
            await client.until_heard(loop_time.now_s)
        await loop_time.passes(1)

        assert await connection.rest() == b""


async def test_a_connection_that_rests_between_requests_is_kept_longer_than_headers_may_take(
    serve: Serve, loop_time: LoopTime
) -> None:
    client = await serve(header_s=HEADER_S)

    async with client.connection() as connection:
        for _ in range(3):
            await connection.send(PING)
            assert (await connection.answer()).status == 200
            await loop_time.passes(2 * HEADER_S)


async def test_a_slow_body_is_not_bound_by_the_time_for_headers(serve: Serve, loop_time: LoopTime) -> None:
    client = await serve(header_s=HEADER_S)

    async with client.connection() as connection:
        await loop_time.passes(1)
        await connection.send(POST, b"Content-Length: 5\r\n\r\nhe")
        await client.until_heard(loop_time.now_s)
        await loop_time.passes(2 * HEADER_S)
        await connection.send(b"llo")

        assert (await connection.answer()).status == 201
