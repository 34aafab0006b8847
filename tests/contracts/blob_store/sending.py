"""Blobs that are sent to a client's socket."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from storage_backends.contract import BlobStore
from tests.contracts.blob_store.calls import stored
from tests.contracts.blob_store.sinks import arriving, gone_through, sent, sink, until_full
from tests.contracts.blob_store.sources import MIB
from tests.patterns import pattern

SIZE = 6 * MIB + 123


class SendingContract:
    """Blobs that are sent to a client's socket."""

    @pytest.mark.parametrize(
        ("start", "stop"), [(0, SIZE), (0, 0), (5, 6), (MIB - 1, 3 * MIB + 7), (7, SIZE - 1), (SIZE - 5, SIZE)]
    )
    async def test_any_range_can_be_sent(self, store: BlobStore, start: int, stop: int) -> None:
        content = pattern(SIZE)
        blob = await stored(store, content)

        async with await store.open(blob.key) as reader:
            assert await sent(reader, start, stop) == content[start:stop]

    @pytest.mark.parametrize(("start", "stop"), [(-1, 2), (2, 1), (0, 6)])
    async def test_a_range_outside_the_blob_is_not_sent(self, store: BlobStore, start: int, stop: int) -> None:
        blob = await stored(store, b"hello")

        async with await store.open(blob.key) as reader:
            with sink() as (target, _), pytest.raises(ValueError, match="of 5"):
                await anext(reader.send(start, stop, target.fileno()))

    async def test_a_reader_sends_and_is_read_in_turn(self, store: BlobStore) -> None:
        content = pattern(SIZE)
        blob = await stored(store, content)

        async with await store.open(blob.key) as reader:
            first = await sent(reader, 0, 3 * MIB)
            middle = b"".join([block async for block in reader.chunks(3 * MIB, 4 * MIB)])
            last = await sent(reader, 4 * MIB, SIZE)
            again = await sent(reader, MIB, SIZE)

        assert first + middle + last == content
        assert again == content[MIB:]

    async def test_a_client_that_takes_nothing_is_told_of_and_gets_the_rest_later(self, store: BlobStore) -> None:
        content = pattern(SIZE)
        blob = await stored(store, content)

        async with await store.open(blob.key) as reader:
            with sink() as (target, client):
                steps = reader.send(0, SIZE, target.fileno())
                begun = await until_full(steps)
                rest, arrived = await arriving(steps, target, client)

        assert begun > 0
        assert rest > 0
        assert begun + rest == SIZE
        assert arrived == content

    async def test_a_client_that_goes_away_ends_it_and_another_one_is_served(self, store: BlobStore) -> None:
        content = pattern(SIZE)
        blob = await stored(store, content)

        async with await store.open(blob.key) as reader:
            with sink() as (target, client):
                steps = reader.send(0, SIZE, target.fileno())
                await until_full(steps)
                client.close()
                with pytest.raises(ConnectionError):
                    await gone_through(steps, target)

            assert await sent(reader, 0, SIZE) == content

    async def test_what_was_given_up_in_the_middle_can_be_sent_again(self, store: BlobStore) -> None:
        content = pattern(SIZE)
        blob = await stored(store, content)

        async with await store.open(blob.key) as reader:
            with sink() as (target, _):
                async with aclosing(reader.send(0, SIZE, target.fileno())) as steps:
                    await until_full(steps)

            assert await sent(reader, 0, SIZE) == content

    async def test_a_blob_that_is_deleted_meanwhile_is_sent_to_its_end(self, store: BlobStore) -> None:
        content = pattern(SIZE)
        blob = await stored(store, content)

        async with await store.open(blob.key) as reader:
            await store.delete(blob.key)

            assert await sent(reader, 0, SIZE) == content
