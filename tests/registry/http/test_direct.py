"""Blobs whose store gives no files to send from, as one in S3."""

from pathlib import Path

import pytest

from storage_backends.filesystem.files import FilesystemBlobReader
from tests.registry.http.serving import Client, Serve

SIZE = 12_000_000


@pytest.fixture(autouse=True)
def without_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FilesystemBlobReader, "fileno", lambda _: None)


@pytest.fixture(scope="module")
def content() -> bytes:
    """Bytes of which no two neighbouring blocks are equal."""
    return b"".join(number.to_bytes(4, "big") for number in range(SIZE // 4))


async def test_a_blob_comes_whole_and_the_connection_goes_on(client: Client, content: bytes) -> None:
    digest = await client.push_blob("team/app", content)
    request = f"GET /v2/team/app/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n".encode()

    async with client.connection() as connection:
        await connection.send(request + request)
        bodies = [(await connection.answer()).body for _ in range(2)]

    assert bodies == [content, content]


async def test_parts_come_between_what_separates_them(client: Client, content: bytes) -> None:
    digest = await client.push_blob("team/app", content)
    parts = {(0, 3_000_000), (5_000_000, 11_000_000)}
    ranges = ",".join(f"{first}-{last}" for first, last in sorted(parts))

    answer = await client.get(f"/v2/team/app/blobs/{digest}", headers={"Range": f"bytes={ranges}"})

    boundary = answer.headers["Content-Type"].removeprefix("multipart/byteranges; boundary=").encode()
    _, *found, end = answer.body.split(b"\r\n--" + boundary)
    assert end == b"--\r\n"
    assert [part.partition(b"\r\n\r\n")[2] for part in found] == [
        content[first : last + 1] for first, last in sorted(parts)
    ]


async def test_a_client_that_takes_nothing_is_dropped_and_others_are_served_meanwhile(
    serve: Serve, content: bytes
) -> None:
    client = await serve(stall_s=0.5)
    digest = await client.push_blob("team/app", content)

    async with client.connection() as connection:
        await connection.send(f"GET /v2/team/app/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        await connection.head()
        whole = await client.get(f"/v2/team/app/blobs/{digest}")
        await client.until_idle()
        received = await connection.rest()

    assert whole.body == content
    assert len(received) < SIZE


async def test_a_client_that_goes_away_in_the_middle_leaves_no_descriptor_behind(
    client: Client, content: bytes
) -> None:
    digest = await client.push_blob("team/app", content)
    # As many as there are once it has served, and has nothing to do.
    await client.get(f"/v2/team/app/blobs/{digest}")
    await client.until_idle()
    before = _open_descriptors()

    for _ in range(5):
        async with client.connection() as connection:
            await connection.send(f"GET /v2/team/app/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            await connection.head()
    await client.until_idle()

    assert _open_descriptors() <= before


def _open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
