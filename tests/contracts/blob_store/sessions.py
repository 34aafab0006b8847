"""Sessions: who may write, and what stays true when writing stops in the middle."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from oci_spec.digest import Digest
from storage_backends.contract import BlobStore, StoredObject
from storage_backends.errors import (
    AppendInterrupted,
    UploadBusy,
)
from tests.contracts.blob_store.calls import append, commit, content_of
from tests.contracts.blob_store.sources import MIB, Filling, chunks, interrupted
from tests.patterns import pattern


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
