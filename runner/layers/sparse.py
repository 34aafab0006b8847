"""Where the pieces of a sparse file belong, in the four ways of GNU tar ("Storing Sparse Files")."""

from __future__ import annotations

from itertools import pairwise

from runner import limits
from runner.layers.blocks import BLOCK, Blocks, padding
from runner.layers.entries import Segment
from runner.layers.errors import LayerInvalid, LayerTooLarge
from runner.layers.headers import size_of
from runner.layers.pax import parse_decimal

_PAIR = 24
_LONGEST_NUMBER = 20


def from_old_header(block: bytes, blocks: Blocks) -> tuple[list[Segment], int]:
    """The pieces that an old GNU header, and the blocks after it, tell; and the file's size.

    Raises:
        LayerInvalid: they cannot be read.
        LayerTooLarge: there are too many.
    """
    segments = _pairs(block[386:482])
    more = block[482] != 0
    while more:
        extension = blocks.take(BLOCK)
        segments += _pairs(extension[:504])
        _check_count(len(segments))
        more = extension[504] != 0
    return segments, size_of(block[483:495])


def from_numbers(numbers: list[int]) -> list[Segment]:
    """The pieces that a list of offsets and sizes tells, as PAX headers of the versions 0.0 and 0.1 hold it.

    Raises:
        LayerInvalid: the last size is missing.
        LayerTooLarge: there are too many.
    """
    if len(numbers) % 2:
        raise _unreadable()
    _check_count(len(numbers) // 2)
    return [Segment(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]


def from_content(blocks: Blocks) -> tuple[list[Segment], int]:
    """The pieces that stand before the content, in version 1.0; and the bytes that were read for them.

    Raises:
        LayerInvalid: they cannot be read.
        LayerTooLarge: there are too many.
    """
    lines = _Lines(blocks)
    count = lines.next_number()
    _check_count(count)
    return from_numbers([lines.next_number() for _ in range(2 * count)]), lines.size


def to_content(segments: list[Segment]) -> bytes:
    """What stands before the content in version 1.0."""
    numbers = [len(segments), *(number for segment in segments for number in segment)]
    lines = b"".join(b"%d\n" % number for number in numbers)
    return lines + bytes(padding(len(lines)))


def check(segments: list[Segment], stored: int, size: int) -> None:
    """Hold the pieces of a file of `size` bytes, of which `stored` are in the archive, against each other.

    Raises:
        LayerInvalid: they overlap, go backwards, lie beyond the file's end, or are not what is in the archive.
    """
    ends = [segment.offset + segment.size for segment in segments]
    ordered = all(former.offset + former.size <= latter.offset for former, latter in pairwise(segments))
    if not ordered or max(ends, default=0) > size or sum(segment.size for segment in segments) != stored:
        raise LayerInvalid("the pieces of a sparse file do not fit")


class _Lines:
    """Decimal numbers, a line each, in whole blocks."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._rest = b""
        self.size = 0

    def next_number(self) -> int:
        while b"\n" not in self._rest:
            if len(self._rest) > _LONGEST_NUMBER:
                raise _unreadable()
            self._rest += self._blocks.take(BLOCK)
            self.size += BLOCK
        line, _, self._rest = self._rest.partition(b"\n")
        return parse_decimal(line)


def _pairs(table: bytes) -> list[Segment]:
    """The pieces of a table of two numbers each, which a zeroed pair ends."""
    segments: list[Segment] = []
    for start in range(0, len(table), _PAIR):
        pair = table[start : start + _PAIR]
        if not pair[0]:
            break
        segments.append(Segment(size_of(pair[:12]), size_of(pair[12:])))
    return segments


def _check_count(count: int) -> None:
    if count > limits.SPARSE_SEGMENTS:
        raise LayerTooLarge("pieces of a sparse file", limits.SPARSE_SEGMENTS)


def _unreadable() -> LayerInvalid:
    return LayerInvalid("the pieces of a sparse file cannot be read")
