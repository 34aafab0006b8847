"""Uploads as S3 sees them: parts, tails, what is left of them, and what processes that die leave behind."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from oci_spec.digest import Digest
from storage_backends.contract import BlobStore, UploadState
from storage_backends.errors import DigestMismatch, StorageUnavailable, UploadLost
from storage_backends.holding import UploadHolds
from storage_backends.s3.settings import S3Settings
from storage_backends.s3.store import S3BlobStore
from tests.contracts.blob_store import MIB, Filling, append, chunks, commit, content_of, stored
from tests.patterns import pattern
from tests.s3 import S3Server

UPLOADS = 24


@pytest.fixture
def settings(server: S3Server) -> S3Settings:
    return server.settings(part_bytes=5 * MIB, buffer_bytes=16 * MIB)


@pytest.fixture
async def store(settings: S3Settings, holds: UploadHolds) -> AsyncIterator[BlobStore]:
    store = S3BlobStore(settings, holds)
    yield store
    await store.close()


@pytest.fixture
async def peer(settings: S3Settings, holds: UploadHolds, store: BlobStore) -> AsyncIterator[BlobStore]:
    peer = S3BlobStore(settings, holds)
    yield peer
    await peer.close()


async def test_a_blob_that_comes_in_many_small_requests_over_two_nodes_is_whole_and_leaves_nothing_else(
    store: BlobStore, peer: BlobStore, server: S3Server, settings: S3Settings
) -> None:
    content = pattern(13 * MIB + 77)
    state = await store.begin("sha256")

    tails = set()
    for number, start in enumerate(range(0, len(content), 700_001)):
        state = await append((store, peer)[number % 2], state, content[start : start + 700_001])
        tails.add(len(server.names(f"{settings.prefix}uploads/")))
    blob = await commit(store, state, Digest.of(content))

    assert await content_of(peer, blob.key) == content
    # The one that the recorded state names, and the one before it.
    assert max(tails) <= 2
    assert len(server.names(settings.prefix)) == 1
    assert server.pending(settings.prefix) == []


async def test_a_small_blob_in_one_request_is_one_object_from_the_start(
    store: BlobStore, server: S3Server, settings: S3Settings
) -> None:
    state = await store.begin("sha256")

    async with store.session(state.key) as session:
        whole = await session.append(state, chunks(pattern(4 * MIB)), to_commit=True)
        before = server.names(settings.prefix), server.pending(settings.prefix)
        blob = await session.commit(whole, Digest.of(pattern(4 * MIB)))

    assert before == ([], [])
    assert [name.rpartition("/")[2] for name in server.names(settings.prefix)] == [blob.key]


async def test_a_large_blob_is_made_of_its_parts_under_the_name_they_were_sent_to(
    store: BlobStore, server: S3Server, settings: S3Settings
) -> None:
    content = pattern(23 * MIB)
    state = await store.begin("sha256")

    async with store.session(state.key) as session:
        state = await session.append(
            state, Filling(*[content[start : start + MIB] for start in range(0, 23 * MIB, MIB)])
        )
    ((name, _),) = server.pending(settings.prefix)
    blob = await commit(store, state, Digest.of(content))

    assert server.names(settings.prefix) == [name]
    assert server.client.head_object(Bucket=server.bucket, Key=name)["ETag"].strip('"').partition("-")[2]
    assert await content_of(store, blob.key) == content


@pytest.mark.parametrize("hash_state", ["kept", "lost"])
async def test_a_large_commit_may_be_repeated_by_another_node(
    store: BlobStore, peer: BlobStore, hash_state: str
) -> None:
    content = pattern(11 * MIB)
    state = await append(store, await store.begin("sha256"), content)
    blob = await commit(store, state, Digest.of(content))
    if hash_state == "lost":
        state = replace(state, hash_state=b"")

    again = await commit(peer, await append(peer, state), Digest.of(content))

    assert again == blob
    assert await content_of(peer, blob.key) == content


async def test_a_large_request_that_committed_may_be_repeated_as_a_whole(
    store: BlobStore, peer: BlobStore, server: S3Server, settings: S3Settings
) -> None:
    beginning, end = pattern(12 * MIB + 5), pattern(7 * MIB)
    recorded = await append(store, await store.begin("sha256"), beginning)

    blobs = []
    for node in (store, peer, store):
        async with node.session(recorded.key) as session:
            state = await session.append(recorded, chunks(end), to_commit=True)
            blobs.append(await session.commit(state, Digest.of(beginning + end)))

    assert blobs[0] == blobs[1] == blobs[2]
    assert [found async for found in store.list_keys()] == blobs[:1]
    assert server.pending(settings.prefix) == []
    assert len(server.names(settings.prefix)) == 1


async def test_a_large_upload_goes_on_from_before_a_commit_that_nobody_recorded(
    store: BlobStore, peer: BlobStore, server: S3Server, settings: S3Settings
) -> None:
    beginning = pattern(12 * MIB + 5)
    recorded = await append(store, await store.begin("sha256"), beginning)
    async with store.session(recorded.key) as session:
        state = await session.append(recorded, chunks(b"a loaf"), to_commit=True)
        blob = await session.commit(state, Digest.of(beginning + b"a loaf"))

    state = await append(peer, recorded, b"an ")
    state = await append(store, state, b"hour")
    other = await commit(peer, state, Digest.of(beginning + b"an hour"))

    assert await content_of(store, other.key) == beginning + b"an hour"
    assert await content_of(store, blob.key) == beginning + b"a loaf"
    assert server.pending(settings.prefix) == []


async def test_a_digest_that_only_reading_can_tell_is_told_and_leaves_no_blob_if_it_is_wrong(
    store: BlobStore, server: S3Server, settings: S3Settings
) -> None:
    content = pattern(11 * MIB)
    right, wrong = [
        replace(await append(store, await store.begin("sha256"), content), hash_state=b"") for _ in range(2)
    ]

    with pytest.raises(DigestMismatch) as mismatch:
        await commit(store, wrong, Digest.of(b"something else"))
    blob = await commit(store, right, Digest.of(content))

    assert mismatch.value.actual == Digest.of(content)
    assert [found async for found in store.list_keys()] == [blob]


async def test_a_part_that_another_put_in_the_place_of_ours_makes_no_blob(
    store: BlobStore, server: S3Server, settings: S3Settings
) -> None:
    content = pattern(11 * MIB)
    state = await append(store, await store.begin("sha256"), content)
    ((name, upload_id),) = server.pending(settings.prefix)

    # As by a process that stood still while its hold ended, and then went on.
    server.client.upload_part(Bucket=server.bucket, Key=name, UploadId=upload_id, PartNumber=1, Body=b"x" * 5 * MIB)

    with pytest.raises(UploadLost):
        await commit(store, state, Digest.of(content))
    assert [found async for found in store.list_keys()] == []


async def test_what_dead_processes_leave_is_found_and_removed(
    store: BlobStore, server: S3Server, settings: S3Settings
) -> None:
    earliest = datetime.now(UTC) - timedelta(seconds=5)
    begun, tailed = "1" * 32, "2" * 32
    name = f"{settings.prefix}blobs/11/{begun}.{'a' * 32}"
    server.client.create_multipart_upload(Bucket=server.bucket, Key=name)
    server.client.put_object(Bucket=server.bucket, Key=f"{settings.prefix}uploads/{tailed}/tail", Body=b"x")
    # Things of others in the same bucket.
    server.client.create_multipart_upload(Bucket=server.bucket, Key=f"{settings.prefix}other/{begun}")
    server.client.put_object(Bucket=server.bucket, Key=f"{settings.prefix}uploads/other", Body=b"x")

    found = {key: moment async for key, moment in store.list_uploads()}
    for key in found:
        await store.abort(UploadState(key, "sha256", 0, b"", b"", b""))

    assert set(found) == {begun, tailed}
    assert min(found.values()) >= earliest
    assert server.names(settings.prefix) == [f"{settings.prefix}uploads/other"]
    assert [name for name, _ in server.pending(settings.prefix)] == [f"{settings.prefix}other/{begun}"]


async def test_a_request_that_fails_leaves_no_multipart_upload(
    store: BlobStore, server: S3Server, settings: S3Settings
) -> None:
    state = await append(store, await store.begin("sha256"), b"recorded ")

    async with store.session(state.key) as session:
        whole = await session.append(state, chunks(pattern(12 * MIB)), to_commit=True)
        with pytest.raises(DigestMismatch):
            await session.commit(whole, Digest.of(b"something else"))

    assert server.pending(settings.prefix) == []
    blob = await commit(store, state, Digest.of(b"recorded "))
    assert await content_of(store, blob.key) == b"recorded "


async def test_a_cancelled_request_leaves_no_multipart_upload(
    store: BlobStore, server: S3Server, settings: S3Settings
) -> None:
    state = await store.begin("sha256")
    sent = asyncio.Event()

    async def stalling() -> AsyncIterator[bytes]:
        yield pattern(12 * MIB)
        sent.set()
        await asyncio.Event().wait()

    async def appending() -> None:
        async with store.session(state.key) as session:
            await session.append(state, stalling())

    task = asyncio.create_task(appending())
    await sent.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert server.pending(settings.prefix) == []


async def test_many_uploads_at_once_stay_within_the_memory_they_are_given(store: BlobStore, server: S3Server) -> None:
    block = b"\0" * (MIB // 4)
    size = 7 * MIB

    async def blocks() -> AsyncIterator[bytes]:
        for _ in range(size // len(block)):
            await asyncio.sleep(0)
            yield block

    async def upload() -> None:
        state = await store.begin("sha256")
        async with store.session(state.key) as session:
            state = await session.append(state, blocks())

    await upload()
    tracemalloc.start()
    try:
        await asyncio.gather(*(upload() for _ in range(UPLOADS)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # The budget of 16 MiB, a block of each upload on its way into it, and what requests and tasks are made of; one part
    # twice in memory would be more.
    assert peak < 26 * MIB
    assert UPLOADS * size > 6 * 26 * MIB


@pytest.mark.parametrize("checksum", ["crc32", "crc64nvme", "sha256"])
async def test_the_server_checks_contents_where_it_is_asked_to(
    server: S3Server, holds: UploadHolds, checksum: str
) -> None:
    store = S3BlobStore(server.settings(part_bytes=5 * MIB, checksum=checksum), holds)
    try:
        for content in (b"small", pattern(11 * MIB)):
            blob = await stored(store, content)

            assert await content_of(store, blob.key) == content
            name = f"{store._layout.blob(blob.key)}"
            told = server.client.head_object(Bucket=server.bucket, Key=name, ChecksumMode="ENABLED")
            assert told[f"Checksum{checksum.upper()}"]
    finally:
        await store.close()


@pytest.mark.parametrize(
    "choices", [{"bucket": "not-there"}, {"secret_access_key": "wrong"}, {"endpoint": "http://127.0.0.1:1"}]
)
async def test_a_probe_says_that_the_bucket_cannot_be_used(
    server: S3Server, holds: UploadHolds, choices: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage_backends.s3._blocking.client._ATTEMPTS", 1)
    store = S3BlobStore(server.settings(**choices), holds)
    try:
        with pytest.raises(StorageUnavailable):
            await store.probe()
    finally:
        await store.close()


async def test_slow_clients_do_not_keep_others_from_their_turn(server: S3Server, holds: UploadHolds) -> None:
    # Three of them, and all memory is in use by parts that do not fill.
    settings = server.settings(part_bytes=5 * MIB, buffer_bytes=16 * MIB, patience_s=0.1)
    store, slow, goes_on = S3BlobStore(settings, holds), 5, asyncio.Event()
    beginning, end = pattern(200_000), pattern(6 * MIB)

    async def slowly() -> AsyncIterator[bytes]:
        yield beginning
        await goes_on.wait()
        yield end

    async def upload(come: AsyncIterator[bytes], content: bytes, *, to_commit: bool) -> str:
        state = await store.begin("sha256")
        async with store.session(state.key) as session:
            state = await session.append(state, come, to_commit=to_commit)
            return (await session.commit(state, Digest.of(content))).key

    try:
        waiting = [
            asyncio.create_task(upload(slowly(), beginning + end, to_commit=bool(number % 2))) for number in range(slow)
        ]
        quick = await upload(chunks(pattern(12 * MIB)), pattern(12 * MIB), to_commit=True)
        assert not any(task.done() for task in waiting)
        goes_on.set()
        keys = await asyncio.gather(*waiting)

        assert await content_of(store, quick) == pattern(12 * MIB)
        for key in keys:
            assert await content_of(store, key) == beginning + end
        assert server.names(f"{settings.prefix}uploads/") == []
        assert server.pending(settings.prefix) == []
    finally:
        await store.close()
