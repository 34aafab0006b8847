import itertools
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage_backends.blocks import BLOCK_SIZE, Blocks
from tests.contracts.blob_store import chunks, interrupted

sizes = st.one_of(st.integers(0, 40), st.integers(16_000, 17_000), st.integers(200_000, 3_000_000))


@given(st.lists(sizes, max_size=40))
async def test_blocks_are_the_chunks_in_their_order(chunk_sizes: list[int]) -> None:
    parts = [bytes([index]) * size for index, size in enumerate(chunk_sizes)]
    blocks = Blocks(chunks(*parts))

    taken = []
    while not blocks.ended:
        taken.append(await blocks.take())

    assert b"".join(itertools.chain.from_iterable(taken)) == b"".join(parts)
    assert all(sum(map(len, block)) >= BLOCK_SIZE for block in taken[:-1])
    assert blocks.interruption is None


async def test_a_flood_of_tiny_chunks_becomes_few_buffers() -> None:
    async def flood() -> AsyncIterator[bytes]:
        for _ in range(BLOCK_SIZE // 2):
            yield b"ab"

    block = await Blocks(flood()).take()

    assert len(block) == 1
    assert len(block[0]) == BLOCK_SIZE


async def test_a_large_chunk_is_carried_along_uncopied() -> None:
    chunk = bytes(64 << 10)

    block = await Blocks(chunks(b"small", chunk, b"small")).take()

    assert [len(buffer) for buffer in block] == [5, len(chunk), 5]
    assert block[1] is chunk


@pytest.mark.parametrize("parts", [(), (b"some",), (bytes(BLOCK_SIZE),)])
async def test_an_interruption_comes_after_what_was_there(parts: tuple[bytes, ...]) -> None:
    gone = ConnectionResetError()
    blocks = Blocks(interrupted(*parts, error=gone))

    taken = b""
    while not blocks.ended:
        taken += b"".join(await blocks.take())

    assert taken == b"".join(parts)
    assert blocks.interruption is gone
