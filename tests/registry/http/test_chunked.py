"""The framing of chunked bodies, against the grammar and against aiohttp's own parser."""

import asyncio
import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpRequestParser
from aiohttp.http_exceptions import HttpProcessingError
from hypothesis import example, given
from hypothesis import strategies as st

from registry import limits
from registry.http.chunked import ChunkDecoder
from registry.http.steady_chunks import LEAST_SIZE

ROOM = 3 * LEAST_SIZE
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

_hexadecimal = st.text("0123456789abcdefABCDEF", min_size=1, max_size=8).map(str.encode)
_token = st.text("aZ9!#$%&'*+-.^_`|~", min_size=1, max_size=5).map(str.encode)
_quoted = st.text("a ;,\t=ü{}", max_size=5).map(lambda text: b'"' + text.encode("latin-1") + b'"')
_extension = st.builds(
    lambda name, value: b";" + name + (b"=" + value if value else b""), _token, st.none() | _token | _quoted
)

_MISTAKES = [
    b"",
    b" ",
    b"\t",
    b"\r",
    b"\n",
    b"\r\n",
    b"0",
    b"f",
    b"g",
    b";",
    b"=",
    b'"',
    b"\0",
    b"+",
    b"-",
    b"0x",
    b":",
]


@st.composite
def chunk(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A chunk's content, and how it stands on the wire."""
    content = draw(st.binary(min_size=1, max_size=40) | st.sampled_from([b"\r\n", b"0\r\n\r\n", b"\n"]))
    size = f"{'0' * draw(st.integers(0, 3))}{len(content):x}"
    line = draw(st.sampled_from([size, size.upper()])).encode() + b"".join(draw(st.lists(_extension, max_size=2)))
    return content, line + b"\r\n" + content + b"\r\n"


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A body's content, and how it stands on the wire."""
    chunks = draw(st.lists(chunk(), max_size=5))
    trailers = draw(st.lists(st.builds(lambda name, value: name + b": " + value + b"\r\n", _token, _token), max_size=2))
    wire = b"".join(part for _, part in chunks) + b"0\r\n" + b"".join(trailers) + b"\r\n"
    return b"".join(content for content, _ in chunks), wire


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """What was a body once, with something put into it, taken out or put in the place of something else."""
    _, wire = draw(bodies())
    for _ in range(draw(st.integers(1, 2))):
        begin = draw(st.integers(0, len(wire)))
        end = draw(st.integers(begin, min(len(wire), begin + 2)))
        added = draw(st.sampled_from(_MISTAKES))
        wire = wire[:begin] + added + wire[end:]
    return wire


@st.composite
def steady_bodies(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A body most of whose chunks have one size, as where a stream was cut up."""
    size = draw(st.integers(LEAST_SIZE, LEAST_SIZE + 2))
    contents = [bytes([number + 1]) * size for number in range(draw(st.integers(2, 9)))]
    for other in draw(
        st.lists(st.sampled_from([b"\r\n", b"other", b"\0" * (size - 1), b"\0" * (size + 1)]), max_size=2)
    ):
        contents.insert(draw(st.integers(0, len(contents))), other)
    if draw(st.booleans()):
        # The same size, written in another way.
        contents.insert(draw(st.integers(0, len(contents))), b"0" * size)
    digits = {number: b"00%x" % size for number, content in enumerate(contents) if content == b"0" * size}
    lines = [digits.get(number, b"%x" % len(content)) for number, content in enumerate(contents)]
    wire = b"".join(line + b"\r\n" + content + b"\r\n" for line, content in zip(lines, contents, strict=True))
    return b"".join(contents), wire + b"0\r\n\r\n"


@dataclass(frozen=True)
class Outcome:
    """What became of a body: its content; or that it is none, or not complete yet."""

    state: str
    content: bytes = b""


def pieces(wire: bytes, cuts: Iterable[int]) -> list[bytes]:
    bounds = [0, *sorted(cut % (len(wire) + 1) for cut in cuts), len(wire)]
    return [wire[begin:end] for begin, end in itertools.pairwise(bounds)]


def decode(parts: Iterable[bytes]) -> tuple[Outcome, bytes]:
    """The outcome of our decoder, and what it left over."""
    decoder, content, rest = ChunkDecoder(), b"", b""
    for part in parts:
        if decoder.ended:
            rest += part
            continue
        content += receive(decoder, part)
        rest += decoder.rest
        if decoder.failed:
            return Outcome("refused"), b""
    return (Outcome("complete", content) if decoder.ended else Outcome("incomplete")), rest


def receive(decoder: ChunkDecoder, part: bytes) -> bytes:
    """The content of what came, having been received as the kernel does it: into one place after the other."""
    content = b""
    while part and not decoder.ended and not decoder.failed:
        # Others' bytes stand in it from before, as in the buffer of a thread.
        room = memoryview(bytearray(b"\xff" * ROOM))
        received = 0
        for place in decoder.places(room):
            size = min(len(place), len(part))
            place[:size], part = part[:size], part[size:]
            received += size
        content += room[: decoder.take(room, received)]
    if part and decoder.ended:
        decoder.rest += part
    return content


async def decode_by_aiohttp(wire: bytes) -> Outcome:
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    parser = HttpRequestParser(protocol, loop, 1 << 16, max_line_size=8190, max_field_size=8190)
    protocol._parser = parser
    try:
        ((_, body),), _, _ = parser.feed_data(HEAD)
        parser.feed_data(wire)
    except HttpProcessingError:
        return Outcome("refused")
    if body.exception() is not None:
        return Outcome("refused")
    return Outcome("complete", await body.read()) if body.is_eof() else Outcome("incomplete")


@given(body=bodies(), rest=st.binary(max_size=20), cuts=st.lists(st.integers(0), max_size=8))
def test_a_body_is_its_chunks_wherever_the_network_cuts_it(
    body: tuple[bytes, bytes], rest: bytes, cuts: list[int]
) -> None:
    content, wire = body

    assert decode(pieces(wire + rest, cuts)) == (Outcome("complete", content), rest)


@given(body=steady_bodies(), rest=st.binary(max_size=20), cuts=st.lists(st.integers(0), max_size=8))
def test_a_body_of_chunks_of_one_size_is_its_chunks(body: tuple[bytes, bytes], rest: bytes, cuts: list[int]) -> None:
    content, wire = body

    assert decode(pieces(wire + rest, cuts)) == (Outcome("complete", content), rest)


@given(body=steady_bodies(), seam=st.integers(2, 6), place=st.integers(0, 7), mistake=st.sampled_from(_MISTAKES))
def test_where_one_is_not_what_it_was_taken_for_it_is_read_as_it_is(
    body: tuple[bytes, bytes], seam: int, place: int, mistake: bytes
) -> None:
    _, wire = body
    begin = seam * (LEAST_SIZE + 8) + place - 8
    broken = wire[:begin] + mistake + wire[begin + 1 :]

    assert decode([broken]) == decode(broken[index : index + LEAST_SIZE] for index in range(0, len(broken), LEAST_SIZE))
    assert decode([broken]) == decode(broken[index : index + 100] for index in range(0, len(broken), 100))


@given(body=bodies())
def test_byte_by_byte_too(body: tuple[bytes, bytes]) -> None:
    content, wire = body

    assert decode(wire[index : index + 1] for index in range(len(wire))) == (Outcome("complete", content), b"")


@given(wire=mutations(), cuts=st.lists(st.integers(0), max_size=4))
def test_where_the_network_cuts_a_broken_body_makes_no_difference(wire: bytes, cuts: list[int]) -> None:
    assert decode(pieces(wire, cuts)) == decode([wire])


@given(body=bodies())
async def test_aiohttp_reads_the_same_from_a_body(body: tuple[bytes, bytes]) -> None:
    content, wire = body

    assert await decode_by_aiohttp(wire) == Outcome("complete", content)


@given(wire=mutations())
@example(wire=b"5 \r\nhello\r\n0\r\n\r\n")
@example(wire=b"5\nhello\r\n0\r\n\r\n")
@example(wire=b"5\r\nhello\r\n0\r\n\n")
@example(wire=b"5;a=\r\nhello\r\n0\r\n\r\n")
@example(wire=b"+5\r\nhello\r\n0\r\n\r\n")
async def test_what_is_taken_for_complete_aiohttp_takes_for_the_same(wire: bytes) -> None:
    outcome, rest = decode([wire])

    if outcome.state == "complete":
        assert await decode_by_aiohttp(wire[: len(wire) - len(rest)]) == outcome


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(b"\r\n", id="no size"),
        pytest.param(b"g\r\n", id="no digit"),
        pytest.param(b"0x5\r\nhello\r\n0\r\n\r\n", id="a prefix"),
        pytest.param(b"-5\r\nhello\r\n0\r\n\r\n", id="a sign"),
        pytest.param(b"5_0\r\n", id="an underscore"),
        pytest.param(b" 5\r\nhello\r\n", id="a space before"),
        pytest.param(b"5 \r\nhello\r\n", id="a space behind"),
        pytest.param(b"5\nhello\r\n", id="a bare line feed"),
        pytest.param(b"5\rhello\r\n", id="a bare carriage return"),
        pytest.param(b"5;\r\nhello\r\n", id="an extension without a name"),
        pytest.param(b'5;a="\r\nhello\r\n', id="a quote that is not closed"),
        pytest.param(b"5;a\0\r\nhello\r\n", id="NUL in an extension"),
        pytest.param(b"5\r\nhelloX\r\n", id="more than the size"),
        pytest.param(b"5\r\nhello\n", id="a bare line feed behind a chunk"),
        pytest.param(b"5\r\nhell\r\n0\r\n\r\n", id="less than the size"),
        pytest.param(b"0\r\nno trailer\r\n\r\n", id="a trailer without a colon"),
        pytest.param(b"0\r\na : b\r\n\r\n", id="a space before the colon"),
        pytest.param(b"0\r\na: b\r\n c\r\n\r\n", id="a folded trailer"),
        pytest.param(b"1" + b"0" * 16 + b"\r\n", id="a size beyond 64 bits"),
        pytest.param(b"5;" + b"a" * limits.CHUNK_LINE_BYTES, id="a line without end"),
        pytest.param(b"0\r\n" + b"a: b\r\n" * limits.TRAILER_BYTES, id="trailers without end"),
    ],
)
def test_what_is_no_chunked_body_is_refused(wire: bytes) -> None:
    assert decode([wire])[0] == Outcome("refused")
    assert decode(wire[index : index + 1] for index in range(len(wire)))[0] == Outcome("refused")


@given(size=_hexadecimal)
def test_a_chunk_may_be_announced_that_never_comes(size: bytes) -> None:
    outcome, _ = decode([size + b"\r\n"])

    assert outcome == Outcome("incomplete")
