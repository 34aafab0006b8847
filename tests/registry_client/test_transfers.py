"""The ends of transfers: digests that run along, and sources that are read again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oci_spec.digest import Digest
from registry_client import limits
from registry_client.errors import SourceChanged
from registry_client.hashing import RunningDigest, digest_of
from registry_client.sources import Body, BytesSource, FileSource
from tests.contracts.registry_client import MIB
from tests.patterns import pattern

CONTENT = pattern(3 * MIB + 5)


@given(
    st.lists(st.binary() | st.integers(0, 4 * limits.INLINE_BYTES).map(pattern)), st.sampled_from(["sha256", "sha512"])
)
async def test_however_bytes_come_the_digest_is_that_of_their_sequence(blocks: list[bytes], algorithm: str) -> None:
    running = RunningDigest(algorithm)

    for block in blocks:
        await running.add(block)

    content = b"".join(blocks)
    assert await running.digest() == await digest_of(content, algorithm) == Digest.of(content, algorithm)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "blob"
    path.write_bytes(CONTENT)
    return path


@settings(max_examples=30)
@given(st.integers(0, len(CONTENT)), st.integers(0, len(CONTENT)))
async def test_any_part_of_a_source_may_be_read(file: Path, first: int, second: int) -> None:
    start, stop = sorted((first, second))

    for source in (BytesSource(CONTENT), FileSource(file)):
        assert source.size == len(CONTENT)
        assert b"".join([block async for block in source.blocks(start, stop)]) == CONTENT[start:stop]


async def test_a_file_is_closed_when_its_reader_goes(file: Path) -> None:
    blocks = FileSource(file).blocks(0, len(CONTENT))

    async with aclosing(blocks):  # type: ignore[type-var]
        await anext(blocks)
        opened = _open(file)

    assert opened == 1
    assert _open(file) == 0


async def test_a_body_tells_what_is_left_and_what_has_gone() -> None:
    left: list[int] = []
    sent: list[int] = []
    body = Body(BytesSource(CONTENT), 5, len(CONTENT), sent.append)

    for _ in range(2):
        content = b"".join([piece async for piece in body.pieces(left.append)])
        assert content == CONTENT[5:]

    assert body.size == len(CONTENT) - 5
    assert left[len(left) // 2 - 1] == left[-1] == 0
    assert sent[len(sent) // 2 - 1] == sent[-1] == len(CONTENT)
    assert body.failure is None


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x", b""])
async def test_a_body_of_another_size_fails(content: bytes) -> None:
    class Changed(BytesSource):
        async def blocks(self, start: int, stop: int) -> AsyncIterator[bytes]:
            yield content

    body = Body(Changed(b""), 0, len(CONTENT))

    with pytest.raises(SourceChanged):
        [piece async for piece in body.pieces(lambda _: None)]

    assert isinstance(body.failure, SourceChanged)


async def test_the_event_loop_goes_on_while_a_block_is_hashed() -> None:
    running = RunningDigest("sha512")
    block = bytes(64 * MIB)

    await running.add(block)
    # Done at once, were it hashed on the loop; a turn of the loop takes microseconds, and hashing a tenth of a second.
    turns = 0
    hashing = asyncio.ensure_future(running.digest())
    while not hashing.done():
        turns += 1
        await asyncio.sleep(0)

    assert turns > 10
    assert hashing.result() == Digest.of(block, "sha512")


def _open(file: Path) -> int:
    links = Path("/proc/self/fd").iterdir()
    return sum(1 for link in links if link.is_symlink() and link.readlink() == file)
