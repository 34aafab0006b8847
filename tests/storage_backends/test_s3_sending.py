"""Blobs that go from S3 to clients past this process, or through it where there is no other way."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.s3.forwarding import Forwarder, forwarding
from storage_backends.errors import StorageUnavailable
from storage_backends.holding import UploadHolds
from storage_backends.s3.settings import S3Settings
from storage_backends.s3.store import S3BlobStore
from tests.certificates import Authority
from tests.contracts.blob_store import MIB, stored
from tests.contracts.blob_store.sinks import gone_through, sent, sink, until_full
from tests.patterns import pattern
from tests.s3 import S3Server, running_versitygw
from tests.s3_faults import Fault, Faults, faulty

CONTENT = pattern(6 * MIB)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails is tried as often, and at once."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.01)


async def test_what_comes_in_the_clear_goes_through_a_pipe_of_its_own(server: S3Server, holds: UploadHolds) -> None:
    async with opened(server.settings(), holds) as store:
        blob = await stored(store, CONTENT)
        before = pipes()
        async with await store.open(blob.key) as reader:
            with sink() as (target, _):
                async with aclosing(reader.send(0, len(CONTENT), target.fileno())) as steps:
                    await until_full(steps)
                    meanwhile = pipes()
        after = pipes()

    assert (meanwhile - before, after) == (2, before)


@pytest.mark.tool("versitygw")
async def test_what_comes_encrypted_goes_through_this_process(holds: UploadHolds, tmp_path: Path) -> None:
    authority = Authority.made_in(tmp_path / "authority")
    with running_versitygw(authority.sign("localhost"), authority.certificate) as server:
        async with opened(server.settings(ca_bundle=str(authority.certificate)), holds) as store:
            blob = await stored(store, CONTENT)
            async with await store.open(blob.key) as reader:
                before = pipes()
                with sink() as (target, _):
                    async with aclosing(reader.send(0, len(CONTENT), target.fileno())) as steps:
                        await until_full(steps)
                        meanwhile = pipes()

                assert await sent(reader, 0, len(CONTENT)) == CONTENT

    assert meanwhile == before


async def test_whoever_finds_no_pipe_left_is_served_without_one(
    server: S3Server, holds: UploadHolds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage_backends.s3.store._MOST_PIPES", 1)
    async with opened(server.settings(), holds) as store:
        blob = await stored(store, CONTENT)
        async with await store.open(blob.key) as first, await store.open(blob.key) as second:
            with sink() as (target, _):
                async with aclosing(first.send(0, len(CONTENT), target.fileno())) as steps:
                    await until_full(steps)

                    before = pipes()
                    assert await sent(second, 0, len(CONTENT)) == CONTENT
                    assert pipes() == before

            assert await sent(first, 0, len(CONTENT)) == CONTENT


async def test_a_body_that_breaks_is_sent_on_from_where_it_broke(server: S3Server, holds: UploadHolds) -> None:
    settings = server.settings()
    async with opened(settings, holds) as store:
        blob = await stored(store, CONTENT)

    faults = Faults(random.Random(11), 0.5, kinds=(Fault.CUT,))
    with faulty(server.endpoint, faults) as endpoint:
        async with opened(replace(settings, endpoint=endpoint), holds) as store:
            for _ in range(5):
                async with await store.open(blob.key) as reader:
                    assert await sent(reader, 0, len(CONTENT)) == CONTENT
                    assert await sent(reader, 100, len(CONTENT) - 100) == CONTENT[100:-100]

    assert faults.happened[Fault.CUT] > 2


@pytest.mark.usefixtures("hurried")
async def test_a_blob_whose_rest_cannot_be_had_ends_in_an_error_after_what_came(
    server: S3Server, holds: UploadHolds
) -> None:
    settings = server.settings()
    async with opened(settings, holds) as store:
        blob = await stored(store, CONTENT)

    faults = Faults(random.Random(12), 1.0, kinds=(Fault.CUT,))
    with faulty(server.endpoint, faults) as endpoint:
        async with opened(replace(settings, endpoint=endpoint), holds) as store, await store.open(blob.key) as reader:
            faults.kinds = (Fault.BROKEN,)
            with sink() as (target, client):
                receiving = asyncio.ensure_future(received(client))
                with pytest.raises(StorageUnavailable):
                    await gone_through(reader.send(0, len(CONTENT), target.fileno()), target)
                target.shutdown(socket.SHUT_WR)

                assert await receiving == CONTENT[: len(CONTENT) // 2]


@pytest.mark.parametrize("after", [0, len(CONTENT) // 2], ids=["before the first byte", "halfway"])
async def test_while_s3_is_silent_no_thread_waits_for_it(server: S3Server, holds: UploadHolds, after: int) -> None:
    settings = server.settings(concurrency=1)
    async with opened(settings, holds) as store:
        blob = await stored(store, CONTENT)

    with watched(server.endpoint, after) as (endpoint, proxy):
        async with opened(replace(settings, endpoint=endpoint), holds) as store, await store.open(blob.key) as reader:
            sending = asyncio.ensure_future(sent(reader, 0, len(CONTENT)))
            await asyncio.to_thread(proxy.is_silent.wait)

            assert await store.stat(blob.key) == len(CONTENT)
            assert not sending.done()
            proxy.goes_on.set()
            assert await sending == CONTENT


@pytest.mark.tool("minio")
async def test_a_connection_is_used_again_once_all_was_sent(minio: S3Server, holds: UploadHolds) -> None:
    """versitygw ends each connection after the answer itself."""
    settings = minio.settings()
    with watched(minio.endpoint) as (endpoint, proxy):
        async with opened(replace(settings, endpoint=endpoint), holds) as store:
            proxy.goes_on.set()
            blob = await stored(store, CONTENT)
            before = proxy.connections
            for _ in range(3):
                async with await store.open(blob.key) as reader:
                    assert await sent(reader, 0, len(CONTENT)) == CONTENT

            assert proxy.connections == before


@asynccontextmanager
async def opened(settings: S3Settings, holds: UploadHolds) -> AsyncIterator[S3BlobStore]:
    """A store, until the block ends."""
    store = S3BlobStore(settings, holds)
    try:
        yield store
    finally:
        await store.close()


def pipes() -> int:
    """How many ends of pipes this process has."""
    ends = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            ends += str(descriptor.readlink()).startswith("pipe:")
    return ends


async def received(client: socket.socket) -> bytes:
    """What comes until the end."""
    content = bytearray()
    while block := await asyncio.get_running_loop().sock_recv(client, MIB):
        content += block
    return bytes(content)


@dataclass
class Proxy:
    """What comes by a proxy; after `silent_after` bytes of a large body it waits until that `goes_on`."""

    silent_after: int
    connections: int = 0
    is_silent: threading.Event = field(default_factory=threading.Event)
    goes_on: threading.Event = field(default_factory=threading.Event)


@contextmanager
def watched(endpoint: str, silent_after: int = 0) -> Iterator[tuple[str, Proxy]]:
    """The URL of a proxy before `endpoint`, and what comes by it."""
    url, proxy = urlsplit(endpoint), Proxy(silent_after)

    class Handler(Forwarder):
        upstream = (url.hostname or "", url.port or 80)

        def handle(self) -> None:
            proxy.connections += 1
            super().handle()

        def pass_on(self, answer: HTTPResponse, content: bytes) -> None:
            self.begin(answer, content)
            self.wfile.write(content[: proxy.silent_after])
            if len(content) > MIB:
                proxy.is_silent.set()
                proxy.goes_on.wait()
            self.wfile.write(content[proxy.silent_after :])

    with forwarding(Handler) as address:
        try:
            yield f"http://{address}", proxy
        finally:
            proxy.goes_on.set()
