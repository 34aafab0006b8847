"""What every blob store promises.

A backend's tests subclass `BlobStoreContract`, give it the fixtures `store` and `peer` (another store on the same
storage, as another process has it), and add only its own faults.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oci_spec.digest import Digest
from oci_spec.errors import DigestUnsupported
from storage_backends.contract import BlobStore, StoredObject, UploadState
from storage_backends.errors import (
    AppendInterrupted,
    BlobNotFound,
    DigestMismatch,
    ObjectNameInvalid,
    ObjectNotFound,
    UploadBusy,
    UploadLost,
)
from storage_backends.filling import FillingChunks

MIB = 1 << 20
NO_UPLOAD = "0" * 32
NO_BLOB = f"sha256/ab/ab{'0' * 62}.{NO_UPLOAD}"
HOSTILE = [
    "",
    ".",
    "..",
    "/",
    "../x",
    "a/../b",
    "/etc/passwd",
    "a//b",
    "a/",
    "a\0",
    "a\n",
    ".hidden",
    "a/.b",
    "é",
    "a b",
]


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    """What a network delivers: each part in its turn, with others' work in between."""
    for part in parts:
        await asyncio.sleep(0)
        yield part


async def interrupted(*parts: bytes, error: Exception) -> AsyncIterator[bytes]:
    """`parts`, and then a client that goes away."""
    async for part in chunks(*parts):
        yield part
    raise error


class Filling(FillingChunks):
    """`parts` for whoever iterates, or for a buffer; then the end, or a client that goes away with `error`."""

    def __init__(self, *parts: bytes, error: Exception | None = None, willing: bool = True) -> None:
        self._parts = list(parts)
        self._error = error
        self._willing = willing

    async def __anext__(self) -> bytes:
        if not await self.ready():
            raise StopAsyncIteration
        return self._parts.pop(0)

    def can_fill(self) -> bool:
        return self._willing

    async def ready(self) -> bool:
        await asyncio.sleep(0)
        if not self._parts and self._error is not None:
            raise self._error
        return bool(self._parts)

    @property
    def ended(self) -> bool:
        return not self._parts and self._error is None

    def fill(self, buffer: memoryview) -> int:
        if not self._parts:
            return 0
        part = self._parts.pop(0)
        size = min(len(part), len(buffer))
        buffer[:size] = part[:size]
        if part[size:]:
            self._parts.insert(0, part[size:])
        return size


async def append(store: BlobStore, state: UploadState, *parts: bytes) -> UploadState:
    """Append `parts` in a session of their own."""
    async with store.session(state.key) as session:
        return await session.append(state, chunks(*parts))


async def commit(store: BlobStore, state: UploadState, digest: Digest) -> StoredObject:
    """Commit in a session of its own."""
    async with store.session(state.key) as session:
        return await session.commit(state, digest)


async def stored(store: BlobStore, content: bytes, algorithm: str = "sha256") -> StoredObject:
    """`content`, committed."""
    state = await append(store, await store.begin(algorithm), content)
    return await commit(store, state, Digest.of(content, algorithm))


async def content_of(store: BlobStore, key: str) -> bytes:
    """Everything that a reader of `key` gives."""
    async with await store.open(key) as reader:
        return b"".join([chunk async for chunk in reader.chunks(0, reader.size)])


def pattern(size: int) -> bytes:
    """Bytes of which no two blocks are alike."""
    return b"".join(index.to_bytes(8, "big") for index in range(size // 8 + 1))[:size]


class UploadContract:
    """Uploads, from the first byte to the commit."""

    async def test_bytes_are_invisible_until_committed(self, store: BlobStore) -> None:
        state = await append(store, await store.begin("sha256"), b"hel", b"lo")
        before = [found async for found in store.list_keys()]

        blob = await commit(store, state, Digest.of(b"hello"))

        assert before == []
        assert [found async for found in store.list_keys()] == [blob]
        assert blob.size == 5
        assert await content_of(store, blob.key) == b"hello"

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    async def test_an_upload_goes_on_in_other_sessions_and_processes(
        self, store: BlobStore, peer: BlobStore, algorithm: str
    ) -> None:
        state = await store.begin(algorithm)

        for node, part in ((store, b"one "), (peer, b"two "), (store, b"three")):
            state = await append(node, state, part)
        blob = await commit(peer, state, Digest.of(b"one two three", algorithm))

        assert await content_of(store, blob.key) == b"one two three"

    async def test_one_session_may_append_and_commit(self, store: BlobStore) -> None:
        state = await store.begin("sha512")

        async with store.session(state.key) as session:
            state = await session.append(state, chunks(b"one "))
            state = await session.append(state, chunks(b"two"))
            blob = await session.commit(state, Digest.of(b"one two", "sha512"))

        assert await content_of(store, blob.key) == b"one two"

    @settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors], max_examples=40
    )
    @given(
        steps=st.lists(
            st.tuples(
                st.lists(st.integers(0, 3 * MIB).map(pattern) | st.binary(max_size=9), max_size=4),
                st.sampled_from(["keep", "forget the hash", "spoil the hash", "repeat"]),
            ),
            max_size=4,
        ),
        algorithm=st.sampled_from(["sha256", "sha512"]),
        named_by=st.sampled_from(["sha256", "sha512"]),
    )
    async def test_however_bytes_come_the_blob_is_their_sequence(
        self,
        store: BlobStore,
        peer: BlobStore,
        steps: list[tuple[list[bytes], str]],
        algorithm: str,
        named_by: str,
    ) -> None:
        state, content = await store.begin(algorithm), b""

        for index, (parts, accident) in enumerate(steps):
            node = (store, peer)[index % 2]
            if accident == "repeat":
                # What was appended and never recorded is appended again.
                await append(node, state, b"never acknowledged", *parts)
            state = await append(node, state, *parts)
            content += b"".join(parts)
            assert state.offset == len(content)
            if accident == "forget the hash":
                state = replace(state, hash_state=b"")
            if accident == "spoil the hash":
                state = replace(state, hash_state=b"\1" + state.hash_state[:-1])
        blob = await commit(store, state, Digest.of(content, named_by))

        assert blob.size == len(content)
        assert await content_of(store, blob.key) == content

    async def test_a_hash_state_of_other_bytes_is_not_believed(self, store: BlobStore) -> None:
        early = await append(store, await store.begin("sha256"), b"early ")
        state = await append(store, early, b"and late")

        blob = await commit(store, replace(state, hash_state=early.hash_state), Digest.of(b"early and late"))

        assert await content_of(store, blob.key) == b"early and late"

    @pytest.mark.parametrize("willing", [True, False])
    async def test_chunks_that_can_fill_buffers_make_the_same_blob(
        self, store: BlobStore, peer: BlobStore, willing: bool
    ) -> None:
        parts = [b"small ", pattern(3 * MIB + 1), b"\0" * 40 * MIB, b"", b"end"]
        content = b"before " + b"".join(parts) + b" after"
        state = await append(store, await store.begin("sha256"), b"before ")

        async with store.session(state.key) as session:
            state = await session.append(state, Filling(*filter(None, parts), willing=willing))
        blob = await commit(peer, await append(peer, state, b" after"), Digest.of(content))

        assert await content_of(store, blob.key) == content

    @pytest.mark.parametrize("parts", [(), (b"some",), (pattern(3 * MIB + 1),)], ids=["0", "4", "3 MiB"])
    @pytest.mark.parametrize("come", [chunks, Filling])
    async def test_what_comes_to_be_committed_is_the_end_of_the_blob(
        self, store: BlobStore, come: Callable[..., AsyncIterator[bytes]], parts: tuple[bytes, ...]
    ) -> None:
        state = await append(store, await store.begin("sha256"), b"before ")
        content = b"before " + b"".join(parts)

        async with store.session(state.key) as session:
            whole = await session.append(state, come(*parts), to_commit=True)
            blob = await session.commit(whole, Digest.of(content))

        assert (whole.offset, blob.size) == (len(content), len(content))
        assert await content_of(store, blob.key) == content

    async def test_what_came_to_be_committed_and_is_not_leaves_the_old_state_true(self, store: BlobStore) -> None:
        state = await append(store, await store.begin("sha256"), b"before ")

        async with store.session(state.key) as session:
            whole = await session.append(state, chunks(b"wrong"), to_commit=True)
            with pytest.raises(DigestMismatch):
                await session.commit(whole, Digest.of(b"before right"))
        blob = await commit(store, await append(store, state, b"right"), Digest.of(b"before right"))

        assert await content_of(store, blob.key) == b"before right"

    async def test_an_empty_blob_is_a_blob(self, store: BlobStore) -> None:
        state = await store.begin("sha256")

        blob = await commit(store, state, Digest.of(b""))

        assert await content_of(store, blob.key) == b""
        assert await commit(store, state, Digest.of(b"")) == blob

    async def test_appending_nothing_changes_nothing(self, store: BlobStore) -> None:
        state = await append(store, await store.begin("sha256"), b"some")

        assert await append(store, state) == state
        assert await append(store, state, b"", b"") == state
        async with store.session(state.key) as session:
            assert await session.append(state, Filling()) == state

    async def test_a_digest_of_another_algorithm_may_be_named_at_the_commit(self, store: BlobStore) -> None:
        content = pattern(3 * MIB + 5)
        state = await append(store, await store.begin("sha256"), content)

        blob = await commit(store, state, Digest.of(content, "sha512"))

        assert await content_of(store, blob.key) == content

    @pytest.mark.parametrize("named_by", ["sha256", "sha512"])
    async def test_a_mismatch_leaves_the_upload_as_it_was(self, store: BlobStore, named_by: str) -> None:
        state = await append(store, await store.begin("sha256"), b"half ")

        with pytest.raises(DigestMismatch) as mismatch:
            await commit(store, state, Digest.of(b"half a loaf", named_by))
        state = await append(store, state, b"a loaf")
        blob = await commit(store, state, Digest.of(b"half a loaf", named_by))

        assert mismatch.value.expected == Digest.of(b"half a loaf", named_by)
        assert mismatch.value.actual == Digest.of(b"half ", named_by)
        assert await content_of(store, blob.key) == b"half a loaf"

    @pytest.mark.parametrize("hash_state", ["kept", "lost"])
    async def test_a_commit_may_be_repeated_by_another_process(
        self, store: BlobStore, peer: BlobStore, hash_state: str
    ) -> None:
        state = await append(store, await store.begin("sha256"), b"once")
        blob = await commit(store, state, Digest.of(b"once"))
        if hash_state == "lost":
            state = replace(state, hash_state=b"")

        # As a client's closing request is repeated when the first one died before it was recorded.
        state = await append(peer, state)
        again = await commit(peer, state, Digest.of(b"once"))

        assert again == blob
        assert [found async for found in store.list_keys()] == [blob]
        assert [key async for key, _ in store.list_uploads()] == []

    async def test_a_blob_tells_which_upload_it_was(self, store: BlobStore) -> None:
        state = await append(store, await store.begin("sha256"), b"hello")
        blob = await commit(store, state, Digest.of(b"hello"))

        assert store.upload_of(blob.key) == state.key
        await store.delete(blob.key)
        assert store.upload_of(blob.key) == state.key

    async def test_a_commit_may_be_repeated_in_its_session(self, store: BlobStore) -> None:
        state = await store.begin("sha256")

        async with store.session(state.key) as session:
            state = await session.append(state, chunks(b"once"))
            blob = await session.commit(state, Digest.of(b"once"))
            again = await session.commit(state, Digest.of(b"once"))

        assert again == blob

    @pytest.mark.parametrize("hash_state", ["kept", "lost"])
    async def test_an_upload_goes_on_from_before_a_commit_that_nobody_recorded(
        self, store: BlobStore, peer: BlobStore, hash_state: str
    ) -> None:
        recorded = await append(store, await store.begin("sha256"), b"half ")
        if hash_state == "lost":
            recorded = replace(recorded, hash_state=b"")
        # As when a closing request brings the last bytes, and its process dies before it has recorded anything.
        async with store.session(recorded.key) as session:
            state = await session.append(recorded, chunks(b"a loaf"))
            blob = await session.commit(state, Digest.of(b"half a loaf"))

        state = await append(peer, recorded, b"an hour")
        other = await commit(peer, state, Digest.of(b"half an hour"))

        assert await content_of(store, other.key) == b"half an hour"
        assert await content_of(store, blob.key) == b"half a loaf"

    async def test_the_request_that_committed_an_upload_may_be_repeated_as_a_whole(
        self, store: BlobStore, peer: BlobStore
    ) -> None:
        recorded = await append(store, await store.begin("sha256"), b"half ")
        for each in (store, peer):
            async with each.session(recorded.key) as session:
                state = await session.append(recorded, chunks(b"a loaf"))
                blob = await session.commit(state, Digest.of(b"half a loaf"))

        assert await content_of(store, blob.key) == b"half a loaf"
        assert [found async for found in store.list_keys()] == [blob]
        assert [key async for key, _ in store.list_uploads()] == []

    async def test_an_append_to_what_is_committed_does_not_change_the_blob(self, store: BlobStore) -> None:
        state = await store.begin("sha256")

        async with store.session(state.key) as session:
            state = await session.append(state, chunks(b"done"))
            blob = await session.commit(state, Digest.of(b"done"))
            await session.append(state, chunks(b" and more"))

        assert await content_of(store, blob.key) == b"done"

    async def test_the_same_content_twice_is_two_blobs(self, store: BlobStore) -> None:
        first, second = await stored(store, b"twin"), await stored(store, b"twin")

        await store.delete(first.key)

        assert first.key != second.key
        assert await content_of(store, second.key) == b"twin"

    async def test_an_algorithm_that_nobody_can_compute_is_refused(self, store: BlobStore) -> None:
        with pytest.raises(DigestUnsupported):
            await store.begin("md5")

    async def test_a_state_of_another_upload_is_a_mistake_of_the_caller(self, store: BlobStore) -> None:
        state, other = await store.begin("sha256"), await store.begin("sha256")

        async with store.session(state.key) as session:
            with pytest.raises(ValueError, match=other.key):
                await session.append(other, chunks(b"x"))

    async def test_an_aborted_upload_is_lost(self, store: BlobStore) -> None:
        state = await append(store, await store.begin("sha256"), b"never mind")

        await store.abort(state)
        await store.abort(state)

        assert [key async for key, _ in store.list_uploads()] == []
        with pytest.raises(UploadLost):
            await append(store, state, b"!")
        with pytest.raises(UploadLost):
            await commit(store, state, Digest.of(b"never mind"))
        with pytest.raises(UploadLost):
            await commit(store, replace(state, hash_state=b""), Digest.of(b"never mind"))

    async def test_an_upload_aborted_under_a_session_is_lost(self, store: BlobStore) -> None:
        state = await store.begin("sha256")

        async with store.session(state.key) as session:
            state = await session.append(state, chunks(b"never mind"))
            await store.abort(state)
            with pytest.raises(UploadLost):
                await session.commit(state, Digest.of(b"never mind"))

        assert [found async for found in store.list_keys()] == []

    async def test_aborting_after_the_commit_leaves_the_blob_alone(self, store: BlobStore) -> None:
        state = await append(store, await store.begin("sha256"), b"mine")
        blob = await commit(store, state, Digest.of(b"mine"))

        await store.abort(state)

        assert await content_of(store, blob.key) == b"mine"

    async def test_uploads_are_listed_with_the_time_of_their_last_bytes(self, store: BlobStore) -> None:
        earliest = datetime.now(UTC) - timedelta(seconds=5)
        state = await append(store, await store.begin("sha256"), b"here")

        listed = [upload async for upload in store.list_uploads()]

        assert [key for key, _ in listed] == [state.key]
        assert earliest <= listed[0][1] <= datetime.now(UTC) + timedelta(seconds=5)


class SessionContract:
    """Who may write, and what stays true when writing stops in the middle."""

    async def test_one_session_at_a_time_holds_an_upload(self, store: BlobStore, peer: BlobStore) -> None:
        state = await store.begin("sha256")

        for contender in (store, peer):
            async with store.session(state.key):
                with pytest.raises(UploadBusy) as busy:
                    async with contender.session(state.key):
                        pytest.fail("two sessions hold one upload")
            assert busy.value.key == state.key
            async with contender.session(state.key):
                pass

    async def test_the_hold_lasts_beyond_the_commit(self, store: BlobStore, peer: BlobStore) -> None:
        state = await store.begin("sha256")

        async with store.session(state.key) as session:
            state = await session.append(state, chunks(b"whole"))
            await session.commit(state, Digest.of(b"whole"))
            # The caller records the key now: nobody may take the upload up before that is done.
            with pytest.raises(UploadBusy):
                async with peer.session(state.key):
                    pytest.fail("the upload was taken up before its key was recorded")

    async def test_an_error_ends_the_hold(self, store: BlobStore, peer: BlobStore) -> None:
        state = await store.begin("sha256")

        with pytest.raises(RuntimeError):
            async with store.session(state.key):
                raise RuntimeError

        async with peer.session(state.key):
            pass

    async def test_other_uploads_go_on_beside_a_held_one(self, store: BlobStore) -> None:
        held, other = await store.begin("sha256"), await store.begin("sha256")

        async with store.session(held.key):
            assert (await append(store, other, b"beside")).offset == 6

    @pytest.mark.parametrize(
        "parts", [(), (b"some",), (pattern(MIB), b"some"), (pattern(3 * MIB + 1),)], ids=["0", "4", "1 MiB", "3 MiB"]
    )
    async def test_what_came_before_an_interruption_is_kept(self, store: BlobStore, parts: tuple[bytes, ...]) -> None:
        state = await append(store, await store.begin("sha256"), b"before ")
        gone = ConnectionResetError("the client went away")

        async with store.session(state.key) as session:
            with pytest.raises(AppendInterrupted) as interruption:
                await session.append(state, interrupted(*parts, error=gone))
        kept = interruption.value.state
        content = b"before " + b"".join(parts)
        blob = await commit(store, await append(store, kept, b" after"), Digest.of(content + b" after"))

        assert interruption.value.__cause__ is gone
        assert kept.offset == len(content)
        assert await content_of(store, blob.key) == content + b" after"

    async def test_what_filled_a_buffer_before_an_interruption_is_kept(self, store: BlobStore) -> None:
        gone = ConnectionResetError("the client went away")
        state = await append(store, await store.begin("sha256"), b"before ")

        async with store.session(state.key) as session:
            with pytest.raises(AppendInterrupted) as interruption:
                await session.append(state, Filling(pattern(2 * MIB), b"some", error=gone))
        content = b"before " + pattern(2 * MIB) + b"some"
        blob = await commit(store, interruption.value.state, Digest.of(content))

        assert interruption.value.__cause__ is gone
        assert await content_of(store, blob.key) == content

    async def test_a_cancelled_append_leaves_the_old_state_true(self, store: BlobStore, peer: BlobStore) -> None:
        state = await append(store, await store.begin("sha256"), b"recorded ")
        stalled = asyncio.Event()

        async def stalling() -> AsyncIterator[bytes]:
            yield pattern(2 * MIB)
            yield pattern(2 * MIB)
            stalled.set()
            await asyncio.Event().wait()

        async def appending() -> None:
            async with store.session(state.key) as session:
                await session.append(state, stalling())

        task = asyncio.create_task(appending())
        await stalled.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        blob = await commit(peer, await append(peer, state, b"and resumed"), Digest.of(b"recorded and resumed"))

        assert await content_of(store, blob.key) == b"recorded and resumed"

    async def test_bytes_that_were_never_acknowledged_are_no_part_of_the_blob(
        self, store: BlobStore, peer: BlobStore
    ) -> None:
        state = await append(store, await store.begin("sha256"), b"recorded")
        await append(store, state, b" and then a crash")

        blob = await commit(peer, state, Digest.of(b"recorded"))

        assert blob.size == 8
        assert await content_of(store, blob.key) == b"recorded"

    async def test_many_uploads_at_once_do_not_mix(self, store: BlobStore, peer: BlobStore) -> None:
        contents = [bytes([index]) * (MIB + index) for index in range(12)]

        async def upload(index: int) -> StoredObject:
            node = (store, peer)[index % 2]
            state = await node.begin("sha256")
            for start in range(0, len(contents[index]), 300_000):
                state = await append(node, state, contents[index][start : start + 300_000])
            return await commit(node, state, Digest.of(contents[index]))

        blobs = await asyncio.gather(*map(upload, range(12)))

        assert [await content_of(store, blob.key) for blob in blobs] == contents


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


class ObjectContract:
    """Small index objects under names of the caller's choice."""

    @pytest.mark.parametrize("content", [b"", b"{}", pattern(5 * MIB)], ids=["empty", "small", "5 MiB"])
    @pytest.mark.parametrize("name", ["a", "repositories/team/app/_tags/v1.0-rc_1", "-/_/A.b", "x/" + "n" * 255])
    async def test_an_object_is_what_was_last_put(
        self, store: BlobStore, peer: BlobStore, name: str, content: bytes
    ) -> None:
        await store.put_object(name, b"something else, and longer")

        await store.put_object(name, content)

        assert await store.get_object(name) == content
        assert await peer.get_object(name) == content

    async def test_objects_put_together_are_each_what_was_put(self, store: BlobStore, peer: BlobStore) -> None:
        await store.put_object("a/1", b"old")
        objects = {f"{folder}/{index}": pattern(index * 1000) for folder in ("a", "a/b", "c") for index in range(30)}

        await store.put_objects(objects)
        await store.put_objects({})

        assert {name: await peer.get_object(name) async for name in peer.list_objects("")} == objects

    async def test_objects_that_say_the_same_change_and_go_each_alone(self, store: BlobStore, peer: BlobStore) -> None:
        await store.put_objects(dict.fromkeys(("a/1", "a/2", "b/1", "b/2"), b"same"))

        await store.put_objects({"a/1": b"other", "a/2": b"same"})
        await store.delete_object("b/1")

        assert {name: await peer.get_object(name) async for name in peer.list_objects("")} == {
            "a/1": b"other",
            "a/2": b"same",
            "b/2": b"same",
        }

    async def test_a_removed_object_is_not_found(self, store: BlobStore) -> None:
        await store.put_object("a/b/c", b"x")

        await store.delete_object("a/b/c")
        await store.delete_object("a/b/c")

        for name in ("a/b/c", "a/b", "never/was"):
            with pytest.raises(ObjectNotFound) as absent:
                await store.get_object(name)
            assert absent.value.name == name
        assert [name async for name in store.list_objects("")] == []

    async def test_names_are_listed_by_what_they_begin_with(self, store: BlobStore) -> None:
        names = {"top", "team/app/_tags/1", "team/app/_tags/2", "team/app-2/_tags/1", "team/app/_links/x/y"}
        for name in names:
            await store.put_object(name, name.encode())

        assert {name async for name in store.list_objects("")} == names
        assert {name async for name in store.list_objects("team/app/")} == {
            n for n in names if n.startswith("team/app/")
        }
        assert {name async for name in store.list_objects("team/app/_tags/")} == {
            "team/app/_tags/1",
            "team/app/_tags/2",
        }
        assert [name async for name in store.list_objects("nobody/")] == []

    async def test_what_is_listed_may_be_removed_while_listing(self, store: BlobStore) -> None:
        names = {f"{folder}/{index}" for folder in ("a", "a/b", "c") for index in range(20)}
        for name in names:
            await store.put_object(name, b"")

        listed = set()
        async for name in store.list_objects(""):
            listed.add(name)
            await store.delete_object(name)

        assert listed == names
        assert [name async for name in store.list_objects("")] == []

    async def test_a_reader_sees_one_content_whole(self, store: BlobStore, peer: BlobStore) -> None:
        contents = [bytes([digit]) * (100_000 * digit) for digit in range(1, 5)]
        await store.put_object("shared", contents[0])

        async def writing(node: BlobStore) -> None:
            for content in contents * 5:
                await node.put_object("shared", content)

        async def reading() -> set[bytes]:
            return {await store.get_object("shared") for _ in range(50)}

        _, _, seen = await asyncio.gather(writing(store), writing(peer), reading())

        assert seen <= set(contents)

    async def test_putting_and_removing_neighbours_at_once_harms_neither(
        self, store: BlobStore, peer: BlobStore
    ) -> None:
        async def churn(node: BlobStore, name: str) -> None:
            for _ in range(15):
                await node.put_object(f"deep/er/{name}", name.encode())
                assert await node.get_object(f"deep/er/{name}") == name.encode()
                await node.delete_object(f"deep/er/{name}")

        await asyncio.gather(
            *[churn(node, f"{place}{index}") for place, node in (("s", store), ("p", peer)) for index in range(4)]
        )

        assert [name async for name in store.list_objects("")] == []

    @pytest.mark.parametrize("name", [*HOSTILE, "x" * 256, "/".join(["x" * 200] * 6)])
    async def test_no_other_name_is_taken(self, store: BlobStore, name: str) -> None:
        calls = (store.put_object(name, b""), store.put_objects({"a": b"", name: b""}), store.get_object(name),
                 store.delete_object(name))  # fmt: skip
        for call in calls:
            with pytest.raises(ObjectNameInvalid):
                await call

    async def test_a_prefix_ends_where_a_component_does(self, store: BlobStore) -> None:
        for prefix in ("team", "/", "../", "a//"):
            with pytest.raises(ObjectNameInvalid):
                await anext(store.list_objects(prefix))


class BlobStoreContract(UploadContract, SessionContract, ReadingContract, ObjectContract):
    """All of it."""

    async def test_a_probe_leaves_nothing_behind(self, store: BlobStore) -> None:
        await store.probe()

        assert [blob async for blob in store.list_keys()] == []
        assert [upload async for upload in store.list_uploads()] == []
        assert [name async for name in store.list_objects("")] == []
