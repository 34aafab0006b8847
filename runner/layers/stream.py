"""A layer's bytes as they come: hashed as they are, decompressed, and hashed again (image-spec, "Layer DiffID")."""

from __future__ import annotations

import hashlib
import zlib
from typing import Protocol

from oci_spec.digest import Digest
from runner.errors import LayerCompressionUnsupported, LayerDigestMismatch, LayerInvalid, LayerTooLarge
from runner.layers.blocks import ByteSource
from runner.limits import LayerLimits

# What follows the end of a member is copied, so less is read at once than would be quickest for one member.
_READ_BYTES = 64 * 1024
_LONGEST_MAGIC = 6
_GZIP = b"\x1f\x8b"
_UNSUPPORTED = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
}
# The window of zlib, and that the data has the header of gzip.
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class LayerStream:
    """The uncompressed bytes of the layer that `source` gives, whichever way it is compressed.

    Once the stream has been read to its end, `verify` holds it against what it was to be.
    """

    def __init__(self, source: ByteSource, limits: LayerLimits | None = None, *, algorithm: str = "sha256") -> None:
        self._limits = limits or LayerLimits()
        self._algorithm = algorithm
        self._blob = _HashedSource(source, algorithm)
        self._decoder = _decoder(self._blob)
        self._diff_hash = hashlib.new("sha256")
        self._size = 0
        self._ended = False

    def read(self, size: int, /) -> bytes:
        """At least one and at most `size` uncompressed bytes, or none at the end.

        Raises:
            LayerInvalid: the compressed stream is damaged or cut short.
            LayerTooLarge: more comes out of it than the limits allow.
        """
        content = self._decoder.read(size)
        self._size += len(content)
        self._ended = not content
        self._check_size()
        self._diff_hash.update(content)
        return content

    def verify(self, digest: Digest, diff_id: Digest) -> None:
        """Hold the whole stream, read to its end, against its digest and that of what came out of it.

        Raises:
            LayerDigestMismatch: one of them differs.
            ValueError: `digest` is of another algorithm than this stream was opened with, or `diff_id` not a SHA-256.
            LayerInvalid: the stream was not read to its end.
        """
        if (digest.algorithm, diff_id.algorithm) != (self._algorithm, "sha256"):
            raise ValueError("the stream was hashed by other algorithms")
        if not self._ended:
            raise LayerInvalid("the layer was not read to its end")
        for expected, found in ((digest, self._blob.digest()), (diff_id, self.diff_id())):
            if expected != found:
                raise LayerDigestMismatch(expected, found)

    def diff_id(self) -> Digest:
        """The digest of the uncompressed bytes that were read so far."""
        return Digest("sha256", self._diff_hash.digest())

    def _check_size(self) -> None:
        limits = self._limits
        if self._size > limits.size:
            raise LayerTooLarge("uncompressed bytes", limits.size)
        if self._size > limits.expansion_free and self._size > limits.expansion * self._blob.size:
            raise LayerTooLarge("uncompressed bytes for each compressed one", limits.expansion)


class _HashedSource:
    """The bytes of `source`, counted and hashed; a beginning that was looked at is given again."""

    def __init__(self, source: ByteSource, algorithm: str) -> None:
        self._source = source
        self._algorithm = algorithm
        self._hash = hashlib.new(algorithm)
        self._beginning = b""
        self.size = 0

    def peek(self, size: int) -> bytes:
        while len(self._beginning) < size and (more := self._read(size - len(self._beginning))):
            self._beginning += more
        return self._beginning

    def read(self, size: int, /) -> bytes:
        if self._beginning:
            given, self._beginning = self._beginning[:size], self._beginning[size:]
            return given
        return self._read(size)

    def digest(self) -> Digest:
        return Digest(self._algorithm, self._hash.digest())

    def _read(self, size: int) -> bytes:
        content = self._source.read(size)
        self._hash.update(content)
        self.size += len(content)
        return content


class _Decoder(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Gzip:
    """The members of a gzip stream, one after the other; zeros after the last are padding (RFC 1952)."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._member = zlib.decompressobj(_GZIP_WINDOW)
        self._input = b""

    def read(self, size: int, /) -> bytes:
        while True:
            if self._member.eof and not self._next_member():
                return b""
            if not self._input:
                self._input = self._source.read(_READ_BYTES)
            at_end = not self._input
            try:
                content = self._member.decompress(self._input, size)
            except zlib.error as error:
                raise LayerInvalid("the layer's gzip stream is damaged") from error
            self._input = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if content:
                return content
            if at_end and not self._member.eof:
                raise LayerInvalid("the layer's gzip stream is cut short")

    def _next_member(self) -> bool:
        """Go on to the member after one that has ended; False when there is none."""
        self._input = self._input.lstrip(b"\0")
        while not self._input:
            block = self._source.read(_READ_BYTES)
            if not block:
                return False
            self._input = block.lstrip(b"\0")
        self._member = zlib.decompressobj(_GZIP_WINDOW)
        return True


def _decoder(source: _HashedSource) -> _Decoder:
    beginning = source.peek(_LONGEST_MAGIC)
    if beginning.startswith(_GZIP):
        return _Gzip(source)
    for magic, name in _UNSUPPORTED.items():
        if beginning.startswith(magic):
            raise LayerCompressionUnsupported(name)
    return source
