import asyncio

import pytest

from oci_spec.digest import Digest
from tests.patterns import pattern
from tests.registry.http.serving import Client, Serve

ABSENT = Digest.of(b"never pushed")
# Below what is answered out of memory, above it, and above what one job of a thread sends.
SIZES = [1, 2048, 64 * 1024, 64 * 1024 + 1, 17 * 1024 * 1024]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("size", SIZES)
async def test_a_blob_comes_back_under_its_digest(client: Client, size: int, algorithm: str) -> None:
    content = pattern(size)
    digest = await client.push_blob("team/app", content, algorithm)

    answer = await client.get(f"/v2/team/app/blobs/{digest}")

    assert (answer.status, answer.body) == (200, content)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Length"] == str(size)
    assert answer.headers["Docker-Content-Digest"] == str(digest)
    assert answer.headers["ETag"] == f'"{digest}"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("size", [0, 2048, 300_000])
async def test_head_has_the_headers_of_get_and_ignores_range(client: Client, size: int) -> None:
    digest = await client.push_blob("team/app", pattern(size))
    path = f"/v2/team/app/blobs/{digest}"

    get = await client.get(path)
    head = await client.ask("HEAD", path, headers={"Range": "bytes=0-0"})

    varying = {"Date", "X-Request-ID"}
    assert head.status == 200
    assert {k: v for k, v in head.headers.items() if k not in varying} == {
        k: v for k, v in get.headers.items() if k not in varying
    }
    assert head.body == b""


@pytest.mark.parametrize("size", [2048, 300_000])
@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [("bytes=500-1499", 500, 1500), ("bytes=500-", 500, None), ("bytes=-500", -500, None), ("bytes=0-0", 0, 1),
     ("bytes=2000-99999999", 2000, None)],
)  # fmt: skip
async def test_a_part_of_a_blob_is_answered_as_one(
    client: Client, size: int, header: str, start: int, stop: int | None
) -> None:
    content = pattern(size)
    digest = await client.push_blob("team/app", content)

    answer = await client.get(f"/v2/team/app/blobs/{digest}", headers={"Range": header})

    expected = content[start:stop]
    first = start % size
    assert (answer.status, answer.body) == (206, expected)
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{size}"
    assert answer.headers["Content-Length"] == str(len(expected))
    assert answer.headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize("size", [2048, 300_000])
async def test_several_parts_come_in_one_answer(client: Client, size: int) -> None:
    content = pattern(size)
    digest = await client.push_blob("team/app", content)

    answer = await client.get(f"/v2/team/app/blobs/{digest}", headers={"Range": "bytes=0-9,100-199,-5"})

    assert answer.status == 206
    boundary = answer.headers["Content-Type"].removeprefix("multipart/byteranges; boundary=").encode()
    before, *parts, end = answer.body.split(b"\r\n--" + boundary)
    assert (before, end) == (b"", b"--\r\n")
    assert [part.partition(b"\r\n\r\n") for part in parts] == [
        (b"\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes %d-%d/%d" % (first, last, size),
         b"\r\n\r\n", content[first : last + 1])
        for first, last in ((0, 9), (100, 199), (size - 5, size - 1))
    ]  # fmt: skip


@pytest.mark.parametrize("header", ["bytes=500-0", "bytes=5000-10000", "bytes=2048-"])
async def test_a_part_outside_the_blob_is_refused_with_its_size(client: Client, header: str) -> None:
    digest = await client.push_blob("team/app", pattern(2048))

    answer = await client.get(f"/v2/team/app/blobs/{digest}", headers={"Range": header})

    assert answer.refusal == (416, "RANGE_INVALID")
    assert answer.headers["Content-Range"] == "bytes */2048"


@pytest.mark.parametrize("header", ["lines=1-2", "bytes=x", "bytes", ""])
async def test_a_range_that_cannot_be_read_is_ignored(client: Client, header: str) -> None:
    digest = await client.push_blob("team/app", b"content")

    answer = await client.get(f"/v2/team/app/blobs/{digest}", headers={"Range": header})

    assert (answer.status, answer.body) == (200, b"content")


async def test_an_empty_blob_is_whole_whatever_part_is_asked_for(client: Client) -> None:
    digest = await client.push_blob("team/app", b"")

    answer = await client.get(f"/v2/team/app/blobs/{digest}", headers={"Range": "bytes=0-"})

    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "0")


async def test_if_range_asks_for_a_part_of_the_same_content_or_the_whole_of_another(client: Client) -> None:
    digest = await client.push_blob("team/app", b"content")
    path = f"/v2/team/app/blobs/{digest}"

    same = await client.get(path, headers={"Range": "bytes=3-", "If-Range": f'"{digest}"'})
    other = await client.get(path, headers={"Range": "bytes=3-", "If-Range": f'"{ABSENT}"'})

    assert (same.status, same.body) == (206, b"tent")
    assert (other.status, other.body) == (200, b"content")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_blob_that_the_client_has_is_not_sent_again(client: Client, method: str) -> None:
    digest = await client.push_blob("team/app", b"content")

    answer = await client.ask(method, f"/v2/team/app/blobs/{digest}", headers={"If-None-Match": f'"{digest}"'})

    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["ETag"] == f'"{digest}"'
    assert "Content-Length" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_a_blob_of_another_repository_is_as_unknown_as_any(client: Client, method: str) -> None:
    digest = await client.push_blob("private/app", b"secret")

    answer = await client.ask(method, f"/v2/team/app/blobs/{digest}")

    assert answer.status == 404
    if method != "HEAD":
        assert answer.refusal == (404, "BLOB_UNKNOWN")


@pytest.mark.parametrize(
    ("digest", "status"),
    [("sha256:short", 400), ("SHA256:" + "a" * 64, 400), ("sha256:" + "A" * 64, 400), ("nonsense", 400),
     ("blake3:" + "a" * 64, 404), (str(ABSENT), 404)],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_digest_that_cannot_be_computed_here_names_no_blob_and_a_malformed_one_is_an_error(
    client: Client, method: str, digest: str, status: int
) -> None:
    answer = await client.ask(method, f"/v2/team/app/blobs/{digest}")

    assert answer.status == status
    if method == "GET":
        assert answer.refusal == (status, "BLOB_UNKNOWN" if status == 404 else "DIGEST_INVALID")


async def test_a_deleted_blob_is_gone_here_and_stays_where_it_is_linked_too(client: Client) -> None:
    digest = await client.push_blob("team/app", b"shared")
    await client.push_blob("team/other", b"shared")

    deleted = await client.ask("DELETE", f"/v2/team/app/blobs/{digest}")

    assert (deleted.status, deleted.body) == (202, b"")
    assert (await client.ask("HEAD", f"/v2/team/app/blobs/{digest}")).status == 404
    assert (await client.get(f"/v2/team/other/blobs/{digest}")).body == b"shared"


async def test_one_connection_serves_blobs_of_all_sizes_one_after_another(client: Client) -> None:
    contents = [pattern(size) for size in (3, 300_000, 70_000, 5)]
    digests = [await client.push_blob("team/app", content) for content in contents]

    async with client.connection() as connection:
        for digest in digests:
            await connection.send(f"GET /v2/team/app/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        bodies = [(await connection.answer()).body for _ in digests]

    assert bodies == contents


async def test_many_slow_clients_do_not_keep_the_others_waiting(client: Client) -> None:
    """There are two threads that send files, and more clients than that which take nothing."""
    digest = await client.push_blob("team/app", pattern(12_000_000))
    request = f"GET /v2/team/app/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    async with asyncio.TaskGroup() as clients:
        done = asyncio.Event()

        async def take_nothing() -> None:
            async with client.connection() as connection:
                await connection.send(request)
                await connection.head()
                await done.wait()

        for _ in range(8):
            clients.create_task(take_nothing())

        answer = await client.get(f"/v2/team/app/blobs/{digest}")

        assert len(answer.body) == 12_000_000
        done.set()


async def test_a_client_that_takes_nothing_is_dropped(serve: Serve) -> None:
    client = await serve(stall_s=0.2)
    digest = await client.push_blob("team/app", pattern(12_000_000))

    async with client.connection() as connection:
        await connection.send(f"GET /v2/team/app/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        await connection.head()
        await client.until_idle()
        received = await connection.rest()

    assert len(received) < 12_000_000


async def test_a_client_that_goes_away_in_the_middle_leaves_nothing_behind(client: Client) -> None:
    digest = await client.push_blob("team/app", pattern(12_000_000))

    async with client.connection() as connection:
        await connection.send(f"GET /v2/team/app/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        await connection.head()
    await client.until_idle()

    assert (await client.get("/v2/")).status == 200
