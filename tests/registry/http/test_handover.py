"""Bodies that change hands between aiohttp and who reads them directly, in any order on one connection."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from hypothesis import example, given, settings
from hypothesis import strategies as st

from registry import limits
from registry.http.handover import BodyHandover

LARGE = limits.DIRECT_BYTES
LENGTH, CHUNKED = "length", "chunked"


class HandingServer(web.Server):
    """Answers each request with what its body was, and how it was read."""

    def __init__(self) -> None:
        super().__init__(_tell)

    def __call__(self) -> BodyHandover:
        return BodyHandover(self, loop=self._loop, auto_decompress=False, max_line_size=8190, access_log=None)


@dataclass(frozen=True)
class Sent:
    """A request: its body and framing, and whether its reader would like to read it directly."""

    content: bytes
    framing: str = LENGTH
    chunk_size: int = 1000
    direct: bool = True

    @property
    def wire(self) -> bytes:
        head = f"PUT /{'direct' if self.direct else 'aiohttp'} HTTP/1.1\r\nHost: a\r\n".encode()
        if self.framing == LENGTH:
            return head + b"Content-Length: %d\r\n\r\n" % len(self.content) + self.content
        chunks = [
            self.content[begin : begin + self.chunk_size] for begin in range(0, len(self.content), self.chunk_size)
        ]
        body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
        return head + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"

    @property
    def answer(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@asynccontextmanager
async def connection() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    server = HandingServer()
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        listening.close()
        await server.shutdown(1)


async def answers(reader: asyncio.StreamReader, count: int) -> list[tuple[str, str]]:
    """The next answers: how the body was read, and its digest."""
    found = []
    for _ in range(count):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        (size,) = [line for line in head.decode().split("\r\n") if line.startswith("Content-Length: ")]
        how, digest = (await reader.readexactly(int(size.split()[1]))).decode().split()
        found.append((how, digest))
    return found


async def exchange(wire: bytes, cuts: Iterable[int], count: int) -> list[tuple[str, str]]:
    """Send `wire` in pieces, as far as possible each in a read of its own, and give the answers."""
    bounds = [0, *sorted(cut % (len(wire) + 1) for cut in cuts), len(wire)]
    async with connection() as (reader, writer):
        receiving = asyncio.create_task(answers(reader, count))
        for begin, end in itertools.pairwise(bounds):
            writer.write(wire[begin:end])
            await writer.drain()
            for _ in range(3):
                await asyncio.sleep(0)
        return await receiving


contents = st.sampled_from([b"", b"\r\n\r\n", b"0\r\n\r\n", b"PUT / HTTP/1.1\r\n\r\n", b"x" * 100]).flatmap(
    lambda end: st.integers(0, 3 * LARGE).map(lambda size: b"ab\r\n\r\ncd" * (size // 8) + end)
)
requests = st.builds(Sent, contents, st.sampled_from([LENGTH, CHUNKED]), st.integers(90, 2 * LARGE), st.booleans())


@settings(deadline=None, max_examples=60)
@given(sent=st.lists(requests, min_size=1, max_size=4), cuts=st.lists(st.integers(0), max_size=6))
@example(sent=[Sent(b"x" * LARGE), Sent(b"")], cuts=[57, 58])
@example(sent=[Sent(b"x" * LARGE, CHUNKED), Sent(b"y" * 10)], cuts=[60])
async def test_every_body_is_read_whole_whoever_reads_it_and_wherever_it_is_cut(
    sent: list[Sent], cuts: list[int]
) -> None:
    found = await exchange(b"".join(request.wire for request in sent), cuts, len(sent))

    assert [digest for _, digest in found] == [request.answer for request in sent]


async def test_large_bodies_are_read_directly_one_after_the_other() -> None:
    sent = [Sent(b"x" * LARGE * 9, framing) for framing in (LENGTH, CHUNKED, LENGTH, CHUNKED, CHUNKED)]

    async with connection() as (reader, writer):
        for request in sent:
            writer.write(request.wire)
            assert await answers(reader, 1) == [("direct", request.answer)]


async def test_a_head_in_pieces_does_not_keep_its_body_from_being_read_directly() -> None:
    request = Sent(b"x" * LARGE * 9, CHUNKED)
    head_size = request.wire.index(b"\r\n\r\n") + 4

    for cut in (20, head_size - 3, head_size - 2, head_size - 1):
        async with connection() as (reader, writer):
            await _send_apart(writer, b"\r\n" + request.wire[:cut])
            writer.write(request.wire[cut:])
            assert await answers(reader, 1) == [("direct", request.answer)]


async def test_small_bodies_are_left_to_aiohttp() -> None:
    async with connection() as (reader, writer):
        for request in (Sent(b"x" * (LARGE - 1)), Sent(b""), Sent(b"x" * 100, CHUNKED)):
            writer.write(request.wire)
            assert await answers(reader, 1) == [("aiohttp", request.answer)]


async def test_a_request_that_came_behind_a_chunked_body_is_answered() -> None:
    sent = [Sent(b"x" * LARGE * 9, CHUNKED, LARGE), Sent(b"hello"), Sent(b"y" * LARGE * 9, CHUNKED)]

    async with connection() as (reader, writer):
        writer.write(b"".join(request.wire for request in sent))

        found = await answers(reader, 3)

    assert [digest for _, digest in found] == [request.answer for request in sent]
    assert found[0][0] == "direct"


async def test_a_head_of_which_the_parser_kept_the_beginning_does_not_begin_where_the_rest_of_it_came() -> None:
    # As many as aiohttp's queue takes: its parser keeps what is behind them, and goes on with it later.
    before = [Sent(b"", direct=False)] * 32
    last = b"bodybody"
    decoy = b"a\r\n\r\n%04x\r\n" % (100 + 2 + len(last))
    content = decoy.ljust(100, b"z")
    # Behind the decoy, framing and content are as long as content and framing are in truth.
    size_line = b"8;".ljust(len(decoy) - 2, b"e")
    head = b"PUT /direct HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

    async with connection() as (reader, writer):
        writer.write(b"".join(request.wire for request in before) + head[:-1])
        await answers(reader, len(before))
        await _send_apart(writer, head[-1:] + b"%x\r\n" % len(content) + content + b"\r\n" + size_line)
        writer.write(b"\r\n" + last + b"\r\n0\r\n\r\n")
        found = await answers(reader, 1)

    assert found == [("aiohttp", Sent(content + last).answer)]


async def test_behind_an_upgrade_that_was_declined_nothing_is_read_directly() -> None:
    upgrade = (
        b"PUT /direct HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n"
    )
    request = Sent(b"x" * LARGE * 9, CHUNKED)

    async with connection() as (reader, writer):
        writer.write(upgrade + request.wire)
        found = await answers(reader, 2)
        writer.write(request.wire)
        found += await answers(reader, 1)

    assert [digest for _, digest in found[1:]] == [request.answer] * 2


async def _send_apart(writer: asyncio.StreamWriter, piece: bytes) -> None:
    """Send so that what follows comes in another read."""
    writer.write(piece)
    for _ in range(20):
        await asyncio.sleep(0)


async def _tell(request: web.BaseRequest) -> web.StreamResponse:
    handover = request.protocol
    assert isinstance(handover, BodyHandover)
    body = handover.directly(request.content) if request.path == "/direct" else None
    if body is None:
        handover.by_aiohttp()
        return web.Response(text=f"aiohttp {hashlib.sha256(await request.content.read()).hexdigest()}")
    running, buffer = hashlib.sha256(), memoryview(bytearray(100_000))
    while not body.ended:
        assert not body.broken
        await body.readable()
        while size := await asyncio.to_thread(body.fill, buffer):
            running.update(buffer[:size])
    handover.end_directly(body)
    return web.Response(text=f"direct {running.hexdigest()}")
