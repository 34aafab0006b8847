"""Blobs whose store gives no files to send from: in blocks, and as they come from S3."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from registry import limits
from registry.services.context import Services
from storage_backends.filesystem.files import FilesystemBlobReader
from storage_backends.s3.settings import S3Settings
from tests.registry.assembly import open_services
from tests.registry.http.loop_time import LoopTime
from tests.registry.http.serving import Client, Serve, logged

SIZE = 12_000_000


@pytest.fixture(
    params=[
        "blocks",
        pytest.param("versitygw", marks=pytest.mark.tool("versitygw")),
        pytest.param("minio", marks=pytest.mark.tool("minio")),
    ]
)
def place(request: pytest.FixtureRequest, storage_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path | S3Settings:
    """Where the bytes are."""
    if request.param == "blocks":
        monkeypatch.setattr(FilesystemBlobReader, "fileno", lambda _: None)
        return storage_root
    # Fewer threads than there are clients at once.
    settings: S3Settings = request.getfixturevalue(request.param).settings(concurrency=2)
    return settings


@pytest.fixture
async def http_services(place: Path | S3Settings, sqlite_url: str) -> AsyncIterator[Services]:
    """In place of those on files that can be sent."""
    async with open_services(place, sqlite_url) as services:
        yield services


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
    serve: Serve, content: bytes, loop_time: LoopTime
) -> None:
    client = await serve()
    digest = await client.push_blob("team/app", content)

    async with client.connection() as connection:
        await connection.send(f"GET /v2/team/app/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        await connection.head()
        whole = await client.get(f"/v2/team/app/blobs/{digest}")
        await loop_time.passes_until(asyncio.create_task(client.until_idle()), step_s=limits.STALL_S)
        received = await connection.rest()

    assert whole.body == content
    assert len(received) < SIZE


async def test_many_slow_clients_do_not_keep_the_others_waiting(client: Client, content: bytes) -> None:
    digest = await client.push_blob("team/app", content)
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

        assert answer.body == content
        done.set()


async def test_the_log_tells_how_many_bytes_went_to_whom(client: Client, content: bytes, access_log: Path) -> None:
    digest = await client.push_blob("team/app", content)
    path = f"/v2/team/app/blobs/{digest}"

    await client.get(path, headers={"X-Request-ID": "whole"})
    await client.get(path, headers={"X-Request-ID": "part", "Range": "bytes=1000000-4999999"})
    async with client.connection() as connection:
        await connection.send(f"GET {path} HTTP/1.1\r\nHost: a\r\nX-Request-ID: broken\r\n\r\n".encode())
        await connection.head()
        await connection.exactly(1_000_000)

    sent = {identity: (await logged(access_log, identity))["sent"] for identity in ("whole", "part", "broken")}
    assert (sent["whole"], sent["part"]) == (SIZE, 4_000_000)
    assert 1_000_000 <= sent["broken"] < SIZE


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

    await _until_closed(before)


async def _until_closed(descriptors: int) -> None:
    """Return when no more descriptors are open: those of connections are closed a moment after their requests end."""
    while True:
        if _open_descriptors() <= descriptors:
            return
        await asyncio.sleep(0.01)


def _open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
