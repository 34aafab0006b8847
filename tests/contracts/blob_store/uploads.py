"""Uploads, from the first byte to the commit."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oci_spec.digest import Digest
from oci_spec.errors import DigestUnsupported
from storage_backends.contract import BlobStore
from storage_backends.errors import (
    DigestMismatch,
    UploadLost,
)
from tests.contracts.blob_store.calls import append, commit, content_of, stored
from tests.contracts.blob_store.sources import MIB, Filling, chunks
from tests.patterns import pattern


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
