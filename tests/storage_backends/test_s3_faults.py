"""S3 that fails: nothing acknowledged is lost, and nothing is left behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from oci_spec.digest import Digest
from storage_backends.contract import BlobStore, StoredObject, UploadState
from storage_backends.errors import BlobNotFound, StorageUnavailable
from storage_backends.holding import UploadHolds
from storage_backends.s3.store import S3BlobStore
from tests.contracts.blob_store import MIB, chunks, content_of, stored
from tests.s3 import S3Server
from tests.s3_faults import Fault, Faults, faulty

ROUNDS = 50
_AT_ONCE = 12
_RATE = 0.2
# A client that comes again this often in vain would give up.
_TRIES = 20


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are as many, and of no length: what is tried is how often, not how patiently."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.01)


@pytest.mark.timeout(400)
async def test_every_acknowledged_blob_is_whole_however_s3_fails(server: S3Server, holds: UploadHolds) -> None:
    faults = Faults(random.Random(20261127), _RATE)
    settings = server.settings(part_bytes=5 * MIB, buffer_bytes=48 * MIB)
    turns = asyncio.Semaphore(_AT_ONCE)

    with faulty(server.endpoint, faults) as endpoint:
        nodes = [S3BlobStore(server.settings(prefix=settings.prefix, part_bytes=5 * MIB, endpoint=endpoint), holds)
                 for _ in range(2)]  # fmt: skip

        async def round_(number: int) -> tuple[StoredObject, Digest]:
            async with turns:
                return await _pushed(nodes, random.Random(number))

        try:
            pushed = await asyncio.gather(*map(round_, range(ROUNDS)))
            for blob, digest in pushed:
                assert Digest.of(await _persistently(partial(content_of, nodes[0], blob.key))) == digest
        finally:
            for node in nodes:
                await node.close()

    assert set(faults.happened) == set(Fault)
    store = S3BlobStore(settings, holds)
    try:
        for blob, digest in pushed:
            assert Digest.of(await content_of(store, blob.key)) == digest
        for key, _ in [upload async for upload in store.list_uploads()]:
            await store.abort(UploadState(key, "sha256", 0, b"", b"", b""))
        assert {blob for blob, _ in pushed} <= {blob async for blob in store.list_keys()}
    finally:
        await store.close()
    assert server.pending(settings.prefix) == []
    assert server.names(f"{settings.prefix}uploads/") == []


async def test_what_is_the_registrys_own_fault_is_asked_once(server: S3Server, holds: UploadHolds) -> None:
    faults = Faults(random.Random(1), 0)
    with faulty(server.endpoint, faults) as endpoint:
        store = S3BlobStore(server.settings(endpoint=endpoint), holds)
        stranger = S3BlobStore(server.settings(endpoint=endpoint, secret_access_key="wrong"), holds)
        try:
            with pytest.raises(BlobNotFound):
                await store.open(f"{'0' * 32}.{'0' * 32}")
            with pytest.raises(StorageUnavailable):
                await stranger.get_object("a")
        finally:
            await store.close()
            await stranger.close()

    assert faults.requests == {"GET": 2}


async def test_what_meets_the_end_of_its_neighbour_is_made_all_the_same(server: S3Server, holds: UploadHolds) -> None:
    content = random.Random(7).randbytes(10 * MIB)
    faults = Faults(random.Random(), 0, kinds=(Fault.DENIED,))
    with faulty(server.endpoint, faults) as endpoint:
        store = S3BlobStore(server.settings(endpoint=endpoint, part_bytes=5 * MIB), holds)
        try:
            state = await store.begin("sha256")
            async with store.session(state.key) as session:
                state = await session.append(state, chunks(content))
                # The first request from here on is denied.
                faults.random.seed(8)
                faults.rate = 0.5
                blob = await session.commit(state, Digest.of(content))
            denied = faults.happened[Fault.DENIED]
            for number in range(10):
                await store.put_object(f"folder/{number}", b"hello")
            faults.rate = 0

            assert await content_of(store, blob.key) == content
            assert [await store.get_object(f"folder/{number}") for number in range(10)] == [b"hello"] * 10
        finally:
            await store.close()

    assert 0 < denied < faults.happened[Fault.DENIED]


async def test_who_may_not_write_is_told_so_after_a_few_tries(server: S3Server, holds: UploadHolds) -> None:
    faults = Faults(random.Random(9), 1.0, kinds=(Fault.DENIED,))
    with faulty(server.endpoint, faults) as endpoint:
        store = S3BlobStore(server.settings(endpoint=endpoint), holds)
        try:
            with pytest.raises(StorageUnavailable):
                await store.put_object("a", b"")
        finally:
            await store.close()

    assert faults.requests == {"PUT": 6}


@pytest.mark.parametrize("rate", [0.0, 1.0], ids=["as it comes", "where it refuses every request for its time"])
async def test_the_server_tells_its_time(server: S3Server, holds: UploadHolds, rate: float) -> None:
    with faulty(server.endpoint, Faults(random.Random(10), rate, kinds=(Fault.SKEWED,))) as endpoint:
        store = S3BlobStore(server.settings(endpoint=endpoint), holds)
        before = datetime.now(UTC)
        try:
            told = await store.clock()
        finally:
            await store.close()

    assert told is not None
    # It is one of whole seconds, which a server that has much to do puts forward late.
    assert before - timedelta(seconds=30) <= told <= datetime.now(UTC)


async def test_a_body_that_breaks_is_read_on_from_where_it_broke(server: S3Server, holds: UploadHolds) -> None:
    content = random.Random(2).randbytes(6 * MIB)
    settings = server.settings()
    store = S3BlobStore(settings, holds)
    blob = await stored(store, content)
    await store.close()

    faults = Faults(random.Random(3), 0.4, kinds=(Fault.CUT,))
    with faulty(server.endpoint, faults) as endpoint:
        store = S3BlobStore(server.settings(prefix=settings.prefix, endpoint=endpoint), holds)
        try:
            for _ in range(5):
                assert await content_of(store, blob.key) == content
        finally:
            await store.close()

    assert faults.happened[Fault.CUT] > 2


async def test_a_server_that_is_away_is_told_of_and_used_again_when_it_is_back(
    server: S3Server, holds: UploadHolds
) -> None:
    faults = Faults(random.Random(4), 1.0)
    with faulty(server.endpoint, faults) as endpoint:
        store = S3BlobStore(server.settings(endpoint=endpoint), holds)
        try:
            state = await store.begin("sha256")
            async with store.session(state.key) as session:
                with pytest.raises(StorageUnavailable):
                    await session.append(state, chunks(b"hello"))
            for call in (store.probe(), store.put_object("a", b""), store.stat(f"{state.key}.{state.key}")):
                with pytest.raises(StorageUnavailable):
                    await call
            faults.rate = 0

            blob = await stored(store, b"hello")

            assert await content_of(store, blob.key) == b"hello"
        finally:
            await store.close()


async def test_each_pushed_byte_is_sent_to_s3_once(server: S3Server, holds: UploadHolds) -> None:
    faults, size = Faults(random.Random(5), 0), 23 * MIB
    content = random.Random(6).randbytes(size)
    with faulty(server.endpoint, faults) as endpoint:
        store = S3BlobStore(server.settings(endpoint=endpoint, part_bytes=8 * MIB), holds)
        try:
            # As docker does it: the layer in one request, the end in another.
            state = await store.begin("sha256")
            async with store.session(state.key) as session:
                state = await session.append(state, chunks(content))
            async with store.session(state.key) as session:
                await session.commit(state, Digest.of(content))
        finally:
            await store.close()

    # The completion is a request with a body, too: a list of parts.
    assert size < faults.sent_bytes < size + 4096
    assert faults.requests == {"PUT": 3, "POST": 2}


async def _pushed(nodes: list[S3BlobStore], chance: random.Random) -> tuple[StoredObject, Digest]:
    """A blob of random size, pushed in random requests to random nodes, each made again until it is acknowledged."""
    requests = [chance.randbytes(chance.choice([1, 70_000, 3 * MIB, 7 * MIB])) for _ in range(chance.randrange(1, 5))]
    content = b"".join(requests)
    state, digest = await nodes[0].begin("sha256"), Digest.of(content)
    for request in requests[:-1]:
        state = await _persistently(partial(_appended, chance.choice(nodes), state, request))
    return await _persistently(partial(_finished, chance.choice(nodes), state, requests[-1], digest)), digest


async def _appended(node: BlobStore, state: UploadState, content: bytes) -> UploadState:
    async with node.session(state.key) as session:
        return await session.append(state, _pieces(content))


async def _finished(node: BlobStore, state: UploadState, content: bytes, digest: Digest) -> StoredObject:
    async with node.session(state.key) as session:
        return await session.commit(await session.append(state, _pieces(content), to_commit=True), digest)


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 65_536):
        yield content[start : start + 65_536]


async def _persistently(make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    for _ in range(_TRIES):
        try:
            return await make()
        except StorageUnavailable:
            continue
    raise AssertionError("the registry would have been given up")
