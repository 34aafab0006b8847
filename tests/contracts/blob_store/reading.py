"""Blobs that are there."""

import os
from collections.abc import Awaitable, Callable

import pytest

from oci_spec.digest import Digest
from storage_backends.contract import BlobStore, UploadState
from storage_backends.errors import (
    BlobNotFound,
    ObjectNameInvalid,
)
from tests.contracts.blob_store.calls import append, stored
from tests.contracts.blob_store.names import HOSTILE, NO_BLOB, NO_UPLOAD
from tests.contracts.blob_store.sources import MIB
from tests.patterns import pattern


class ReadingContract:
    """Blobs that are there."""

    @pytest.mark.parametrize(
        ("start", "stop"),
        [(0, 0), (0, 1), (5, 5), (MIB - 1, MIB + 1), (7, 2 * MIB + 100), (2 * MIB + 122, 2 * MIB + 123)],
    )
    async def test_any_range_can_be_read(self, store: BlobStore, start: int, stop: int) -> None:
        content = pattern(2 * MIB + 123)
        blob = await stored(store, content)

        async with await store.open(blob.key) as reader:
            blocks = [block async for block in reader.chunks(start, stop)]

        assert reader.size == len(content)
        assert b"".join(blocks) == content[start:stop]
        assert all(0 < len(block) <= MIB for block in blocks)

    @pytest.mark.parametrize(("start", "stop"), [(-1, 2), (2, 1), (0, 6), (6, 6)])
    async def test_a_range_outside_the_blob_is_a_mistake_of_the_caller(
        self, store: BlobStore, start: int, stop: int
    ) -> None:
        blob = await stored(store, b"hello")

        async with await store.open(blob.key) as reader:
            with pytest.raises(ValueError, match="of 5"):
                await anext(reader.chunks(start, stop))

    async def test_a_file_descriptor_gives_the_blob_by_offset(self, store: BlobStore) -> None:
        blob = await stored(store, b"hello world")

        async with await store.open(blob.key) as reader:
            descriptor = reader.fileno()

            assert descriptor is None or os.pread(descriptor, 5, 6) == b"world"

    async def test_an_open_reader_outlives_the_blob(self, store: BlobStore) -> None:
        content = pattern(2 * MIB)
        blob = await stored(store, content)

        async with await store.open(blob.key) as reader:
            await store.delete(blob.key)
            read = b"".join([block async for block in reader.chunks(0, reader.size)])

        assert read == content

    async def test_a_reader_may_be_closed_twice(self, store: BlobStore) -> None:
        blob = await stored(store, b"hello")
        reader = await store.open(blob.key)

        await reader.close()
        await reader.close()

    async def test_the_size_of_a_blob_is_known_without_opening_it(self, store: BlobStore) -> None:
        blob = await stored(store, pattern(1000))

        assert await store.stat(blob.key) == 1000

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    async def test_a_key_tells_no_other_digest_than_that_of_the_commit(self, store: BlobStore, algorithm: str) -> None:
        blob = await stored(store, b"hello", algorithm)

        assert store.digest_of(blob.key) in {Digest.of(b"hello", algorithm), None}

    @pytest.mark.parametrize("content", [b"", b"hello", pattern(70_000)])
    async def test_a_key_tells_no_other_size_than_that_of_the_commit(self, store: BlobStore, content: bytes) -> None:
        blob = await stored(store, content)

        assert store.size_of(blob.key) in {len(content), None}

    async def test_a_deleted_blob_is_not_found(self, store: BlobStore, peer: BlobStore) -> None:
        blob = await stored(store, b"gone")

        await store.delete(blob.key)
        await peer.delete(blob.key)

        for node in (store, peer):
            with pytest.raises(BlobNotFound) as absent:
                await node.open(blob.key)
            assert absent.value.key == blob.key
            with pytest.raises(BlobNotFound):
                await node.stat(blob.key)
            assert node.read_cached(blob.key, 4) is None
        assert [found async for found in store.list_keys()] == []

    async def test_what_is_had_at_once_is_the_whole_blob(self, store: BlobStore) -> None:
        for content in (b"", b"small", pattern(70_000)):
            blob = await stored(store, content)

            assert store.read_cached(blob.key, len(content)) in {None, content}
            # A copy shorter than what was recorded is none.
            assert store.read_cached(blob.key, len(content) + 1) is None

    async def test_all_blobs_are_listed(self, store: BlobStore, peer: BlobStore) -> None:
        blobs = {
            await stored(store, bytes([index]), algorithm) for index in range(5) for algorithm in ("sha256", "sha512")
        }
        await append(store, await store.begin("sha256"), b"not committed")

        listed = [blob async for blob in peer.list_keys()]

        assert len(listed) == 10
        assert set(listed) == blobs

    @pytest.mark.parametrize(
        "key", [*HOSTILE, f"../uploads/{NO_UPLOAD}", NO_BLOB + "/", NO_BLOB + "\n", NO_BLOB.upper()]
    )
    async def test_no_other_key_is_taken(self, store: BlobStore, key: str) -> None:
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: store.open(key),
            lambda: store.stat(key),
            lambda: store.delete(key),
            lambda: store.session(key).__aenter__(),
            lambda: store.abort(UploadState(key, "sha256", 0, b"", b"", b"")),
        ]

        for call in calls:
            with pytest.raises(ObjectNameInvalid):
                await call()
        with pytest.raises(ObjectNameInvalid):
            store.read_cached(key, 1)
