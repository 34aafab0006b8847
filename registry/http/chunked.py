"""The framing of `Transfer-Encoding: chunked` (RFC 9112, "Chunked Transfer Coding"), taken out of a buffer in place.

It is what clients that stream send, and so most of what a push is. Everything is refused that the grammar does not
name: where two parsers differ about the end of a body, one of them takes a body for a request.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

from registry import limits
from registry.http.steady_chunks import LEAST_SIZE, SteadyChunks

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED: Final = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
_SIZE: Final = rb"([0-9A-Fa-f]{1,16})"
_SIZE_LINE: Final = re.compile(rb"%b(?:;%b(?:=(?:%b|%b))?)*" % (_SIZE, _TOKEN, _TOKEN, _QUOTED))
_TRAILER_LINE: Final = re.compile(rb"%b:[\t \x21-\x7e\x80-\xff]*" % _TOKEN)
# What stands between two chunks as clients send them.
_PLAIN_SEAM: Final = re.compile(rb"\r\n%b\r\n" % _SIZE)


class _Line(Enum):
    """What the next line of the framing has to be."""

    SIZE = auto()
    CHUNK_END = auto()
    TRAILER = auto()


class ChunkDecoder:
    """Finds the content of one body in the bytes of a connection, given in any pieces.

    `ended` tells that the body is complete, and `rest` what came after it; `failed`, that this is no chunked body.
    """

    def __init__(self) -> None:
        """Stand at the first byte of the body."""
        self.ended = False
        self.failed = False
        self.rest = b""
        self._left = 0
        self._expected = _Line.SIZE
        self._line = b""
        self._trailers_size = 0
        # The size line of the last chunk, and chunks like it, where there were two of them.
        self._digits = b""
        self._steady: SteadyChunks | None = None
        self._scattered = False

    def places(self, room: memoryview) -> list[memoryview]:
        """Where to receive what comes next, in this order; `take` is told how much came."""
        self._scattered = self._steady is not None and self._at_seam()
        if self._steady is None or not self._scattered:
            return [room]
        return self._steady.places(room, self._left)

    def take(self, room: memoryview, received: int) -> int:
        """Have the content of what came to the `places` of `room` at its front; how much that is.

        Where they were not asked for, it came to `room` itself.
        """
        if self._steady is None or not self._scattered:
            return self._take_run(room[:received])
        self._scattered = False
        filled, self._left, other = self._steady.read(room, self._left, received)
        if other:
            run = memoryview(bytearray(other))
            size = self._take_run(run)
            room[filled : filled + size] = run[:size]
            filled += size
        return filled

    def _take_run(self, received: memoryview) -> int:
        """Move the content that is in `received` to its front; how much that is."""
        position = filled = 0
        while position < len(received) and not self.ended and not self.failed:
            if self._left:
                size = min(self._left, len(received) - position)
                if filled != position:
                    received[filled : filled + size] = received[position : position + size]
                self._left -= size
                filled += size
                position += size
            elif self._at_seam() and (seam := _PLAIN_SEAM.match(received, position)):
                self._begin_chunk(seam[1])
                position = seam.end()
            else:
                position = self._take_line(received, position)
        if self.ended:
            self.rest = bytes(received[position:])
        return filled

    def _at_seam(self) -> bool:
        return self._expected is _Line.CHUNK_END and not self._line

    def _take_line(self, received: memoryview, position: int) -> int:
        """Go on with a line; the position behind what was taken of it."""
        piece = bytes(received[position : position + limits.CHUNK_LINE_BYTES - len(self._line)])
        end = piece.find(b"\n") + 1
        self._line += piece[:end] if end else piece
        if not end:
            self.failed = len(self._line) >= limits.CHUNK_LINE_BYTES
            return position + len(piece)
        line, self._line = self._line, b""
        if line.endswith(b"\r\n"):
            self._accept(line[:-2])
        else:
            self.failed = True
        return position + end

    def _accept(self, line: bytes) -> None:
        if self._expected is _Line.CHUNK_END:
            self._expected = _Line.SIZE
            self.failed = line != b""
        elif self._expected is _Line.TRAILER:
            self._accept_trailer(line)
        elif (match := _SIZE_LINE.fullmatch(line)) is not None:
            self._begin_chunk(match[1])
        else:
            self.failed = True

    def _begin_chunk(self, digits: bytes) -> None:
        self._left = int(digits, 16)
        if digits != self._digits:
            self._digits, self._steady = digits, None
        elif self._steady is None and self._left >= LEAST_SIZE:
            self._steady = SteadyChunks(digits)
        self._expected = _Line.CHUNK_END if self._left else _Line.TRAILER

    def _accept_trailer(self, line: bytes) -> None:
        """Take no notice of a trailer: none means anything to a registry."""
        self._trailers_size += len(line)
        if not line:
            self.ended = True
        elif _TRAILER_LINE.fullmatch(line) is None or self._trailers_size > limits.TRAILER_BYTES:
            self.failed = True
