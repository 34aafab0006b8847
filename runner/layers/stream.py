"""A layer's bytes as they come: hashed as they are, decompressed, and hashed again (image-spec, "Layer DiffID")."""

from __future__ import annotations

import hashlib

from oci_spec.digest import Digest
from runner.layers.blocks import ByteSource
from runner.layers.compression import LONGEST_MAGIC, decompressed
from runner.layers.errors import LayerDigestMismatch, LayerInvalid, LayerTooLarge
from runner.limits import LayerLimits


class LayerStream:
    """The uncompressed bytes of the layer that `source` gives, whichever way it is compressed.

    Once the stream has been read to its end, `verify` holds it against what it was to be.

    Raises:
        LayerCompressionUnsupported: it is compressed in a way that cannot be undone here.
    """

    def __init__(self, source: ByteSource, limits: LayerLimits | None = None, *, algorithm: str = "sha256") -> None:
        self._limits = limits or LayerLimits()
        self._algorithm = algorithm
        self._blob = _HashedSource(source, algorithm)
        self._decoder = decompressed(self._blob, self._blob.peek(LONGEST_MAGIC))
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
