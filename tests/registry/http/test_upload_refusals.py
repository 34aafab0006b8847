import asyncio
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from tests.registry.assembly import open_services
from tests.registry.http.serving import Client, Serve
from tests.registry.http.upload_requests import CONTENT, UPLOADS, chunked, closing, patch, start
from tests.registry.uploading import upload_files


async def test_a_forged_state_is_no_session(client: Client) -> None:
    location = await start(client)
    other = await start(client)
    forged = [location[:-2] + ("AA" if location[-2:] != "AA" else "BB"), location.partition("=")[0] + "=", "%00",
              location.partition("?")[0] + "?" + other.partition("?")[2]]  # fmt: skip

    for target in forged[:2] + forged[3:]:
        assert (await patch(client, target, CONTENT)).refusal == (404, "BLOB_UPLOAD_UNKNOWN")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize("upload", ["00000000-0000-0000-0000-000000000000", "%2E%2E", "%00", "x" * 500])
async def test_an_unknown_session_is_unknown_to_every_method(client: Client, method: str, upload: str) -> None:
    answer = await client.ask(method, f"{UPLOADS}{upload}?digest={Digest.of(b'')}")

    assert answer.status == 404
    if method != "HEAD":
        assert answer.refusal == (404, "BLOB_UPLOAD_UNKNOWN")


async def test_a_session_of_another_repository_is_unknown(client: Client) -> None:
    location = (await start(client)).replace("team/app", "team/other")

    assert (await client.get(location)).refusal == (404, "BLOB_UPLOAD_UNKNOWN")
    assert (await patch(client, location, CONTENT)).refusal == (404, "BLOB_UPLOAD_UNKNOWN")


@pytest.mark.parametrize("content_range", ["garbage", "5-4", "0-", "bytes */10", "-1", "0-1-2", ""])
async def test_a_content_range_that_cannot_be_read_is_the_clients_error(client: Client, content_range: str) -> None:
    location = await start(client)

    answer = await patch(client, location, CONTENT, content_range)

    assert answer.refusal == (400, "UNSUPPORTED")
    assert (await client.get(location)).headers["Range"] == "0-0"


async def test_a_range_of_another_size_than_the_body_is_refused_whole(client: Client) -> None:
    location = await start(client)

    by_length = await patch(client, location, CONTENT, "0-99")
    short = await client.ask("PATCH", location, data=chunked(CONTENT), headers={"Content-Range": "0-99"})
    long = await client.ask("PATCH", location, data=chunked(CONTENT), headers={"Content-Range": "0-4"})

    assert by_length.refusal == short.refusal == long.refusal == (400, "SIZE_INVALID")
    assert (await client.get(location)).headers["Range"] == "0-0"
    assert (await patch(client, location, CONTENT, "0-9")).headers["Range"] == "0-9"


@pytest.mark.parametrize("query", ["", "&digest=nonsense", "&digest=sha256:short", "&digest=md5:0", "&digest="])
async def test_a_close_without_a_usable_digest_keeps_the_session(client: Client, query: str) -> None:
    location = await start(client)

    answer = await client.ask("PUT", f"{location}{query}", data=CONTENT)

    assert answer.refusal == (400, "DIGEST_INVALID")
    assert (await client.get(location)).status == 204


async def test_another_digest_than_the_contents_ends_the_session(client: Client, storage_root: Path) -> None:
    location = await start(client)

    answer = await client.ask("PUT", closing(location, Digest.of(b"other")), data=CONTENT)

    assert answer.refusal == (400, "DIGEST_INVALID")
    assert (await client.get(location)).status == 404
    assert (await client.ask("HEAD", f"/v2/team/app/blobs/{Digest.of(CONTENT)}")).status == 404
    assert upload_files(storage_root) == []


@pytest.mark.parametrize("query", ["?digest=sha256:short", "?digest=md5:0", "?digest=", "?digest-algorithm=md5"])
async def test_a_post_under_a_digest_that_cannot_be_is_refused(client: Client, query: str) -> None:
    answer = await client.ask("POST", f"{UPLOADS}{query}", data=CONTENT)

    assert answer.refusal == (400, "DIGEST_INVALID")


async def test_a_single_post_of_other_content_leaves_nothing(client: Client, storage_root: Path) -> None:
    answer = await client.ask("POST", f"{UPLOADS}?digest={Digest.of(b'other')}", data=CONTENT)

    assert answer.refusal == (400, "DIGEST_INVALID")
    assert upload_files(storage_root) == []


async def test_two_requests_on_one_session_do_not_interleave(client: Client) -> None:
    path = (await start(client)).partition("?")[0]
    head = f"PATCH {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n".encode()
    async with client.connection() as first, client.connection() as second:
        await first.send(head)
        assert (await first.head())[0] == 100

        # The first one holds the session from here on.
        await second.send(head)
        refused = await second.answer()
        await first.send(CONTENT)
        taken = await first.answer()

    assert refused.refusal == (409, "BLOB_UPLOAD_INVALID")
    assert (taken.status, taken.headers["Range"]) == (202, "0-9")


async def test_what_came_before_a_client_went_away_is_kept_and_told(client: Client) -> None:
    path = (await start(client)).partition("?")[0]
    async with client.connection() as connection:
        await connection.send(f"PATCH {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234".encode())
        connection.end()
        answer = await connection.answer()
        assert await connection.rest() == b""

    assert answer.refusal == (400, "BLOB_UPLOAD_INVALID")
    status = await client.get(path)
    assert status.headers["Range"] == "0-4"
    rest = await patch(client, status.headers["Location"], CONTENT[5:], "5-9")
    assert (await client.ask("PUT", closing(rest.headers["Location"], Digest.of(CONTENT)))).status == 201


async def test_a_client_that_vanishes_keeps_nobody_out_of_its_session(client: Client) -> None:
    path = (await start(client)).partition("?")[0]
    async with client.connection() as connection:
        await connection.send(
            f"PATCH {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        assert (await connection.head())[0] == 100
    await client.until_idle()

    assert (await patch(client, path, CONTENT)).status == 202


async def test_a_body_that_stalls_is_given_up(serve: Serve) -> None:
    client = await serve(stall_s=0.1)
    path = (await start(client)).partition("?")[0]

    async with client.connection() as connection:
        await connection.send(f"PATCH {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234".encode())
        answer = await connection.answer()
        assert await connection.rest() == b""

    assert answer.refusal == (400, "BLOB_UPLOAD_INVALID")
    assert answer.headers["Connection"] == "close"
    assert (await client.get(path)).headers["Range"] == "0-4"


async def test_a_blob_beyond_the_limit_is_refused(serve: Serve, storage_root: Path, sqlite_url: str) -> None:
    async with open_services(storage_root, sqlite_url, blob_bytes=10) as services:
        client = await serve(services=services)
        location = await start(client)

        exact = await patch(client, location, CONTENT)
        beyond = await patch(client, exact.headers["Location"], b"x")
        single = await client.ask("POST", f"{UPLOADS}?digest={Digest.of(CONTENT + b'x')}", data=CONTENT + b"x")

    assert exact.status == 202
    assert beyond.refusal == single.refusal == (413, "SIZE_INVALID")


async def test_two_clients_may_push_the_same_blob_at_once(client: Client) -> None:
    content = b"y" * 3_000_000
    digest = Digest.of(content)

    answers = await asyncio.gather(
        *(
            client.ask("POST", f"/v2/team/app{number}/blobs/uploads/?digest={digest}", data=content)
            for number in range(4)
        )
    )

    assert [answer.status for answer in answers] == [201] * 4
