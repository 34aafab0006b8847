"""Bytes of a stream in the sizes that an archive's reader asks for, without copying what is only passed on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from runner.layers.errors import LayerInvalid

BLOCK = 512
_READ_BYTES = 256 * 1024


class ByteSource(Protocol):
    """What a layer is read from: a file, a pipe, a decompressor."""

    def read(self, size: int, /) -> bytes:
        """At least one and at most `size` bytes, or none at the end."""
        ...


class Blocks:
    """A place in a stream, which moves forward only."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._buffer = b""
        self._position = 0

    def at_end(self) -> bool:
        """Whether nothing more comes; this may wait for the source."""
        if self._position < len(self._buffer):
            return False
        self._buffer, self._position = self._source.read(_READ_BYTES), 0
        return not self._buffer

    def take(self, size: int) -> bytes:
        """Exactly `size` bytes; for headers, which are bounded.

        Raises:
            LayerInvalid: the stream ends before them.
        """
        end = self._position + size
        if end <= len(self._buffer):
            taken = self._buffer[self._position : end]
            self._position = end
            return taken
        return b"".join(self.pieces(size))

    def pieces(self, size: int) -> Iterator[memoryview]:
        """The next `size` bytes, as the source gave them.

        Raises:
            LayerInvalid: the stream ends before them.
        """
        while size > 0:
            if self.at_end():
                raise LayerInvalid("the archive is cut short")
            piece = memoryview(self._buffer)[self._position : self._position + size]
            self._position += len(piece)
            size -= len(piece)
            yield piece

    def skip(self, size: int) -> None:
        """Pass over `size` bytes.

        Raises:
            LayerInvalid: the stream ends before them.
        """
        for _ in self.pieces(size):
            pass

    def drain(self) -> None:
        """Pass over all that still comes."""
        while not self.at_end():
            self._position = len(self._buffer)


def padding(size: int) -> int:
    """What follows `size` bytes of content until the next block begins."""
    return -size % BLOCK
