"""Undoing a layer's compression: gzip and zstd, told by their first bytes, a bounded piece at a time.

The media type is not asked: the field's tools write what fits neither, and other clients look at the bytes as well.
"""

from __future__ import annotations

import functools
import sys
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from runner.layers.blocks import ByteSource
from runner.layers.errors import LayerCompressionUnsupported, LayerInvalid
from runner.limits import ZSTD_WINDOW_LOG

if TYPE_CHECKING:
    from backports.zstd import ZstdDecompressor

LONGEST_MAGIC = 6
"""Bytes of a stream's beginning that tell how it is compressed."""

# What follows the end of a member is copied, so less is read at once than would be quickest for one member.
_READ_BYTES = 64 * 1024
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
# Frames that hold no content may come before those that do (RFC 8878, "Skippable Frames").
_ZSTD_SKIPPABLE = tuple(bytes((first,)) + b"\x2a\x4d\x18" for first in range(0x50, 0x60))
_UNSUPPORTED = {b"BZh": "bzip2", b"\xfd7zXZ\0": "xz"}
# The window of zlib, and that the data has the header of gzip.
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


def decompressed(source: ByteSource, beginning: bytes) -> ByteSource:
    """What `source` gives, uncompressed; it begins with `beginning`, which it will still give.

    Reading raises LayerInvalid where the stream is damaged or cut short.

    Raises:
        LayerCompressionUnsupported: it is compressed in a way that cannot be undone here.
    """
    if beginning.startswith(_GZIP):
        return _Gzip(source)
    if beginning.startswith((_ZSTD, *_ZSTD_SKIPPABLE)):
        return _Zstd(source)
    for magic, name in _UNSUPPORTED.items():
        if beginning.startswith(magic):
            raise LayerCompressionUnsupported(name)
    return source


class _Gzip:
    """The members of a gzip stream, one after the other; zeros after the last are padding (RFC 1952)."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._new_member, self._error = _inflation()
        self._member = self._new_member(_GZIP_WINDOW)
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
            except self._error as error:
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
        self._member = self._new_member(_GZIP_WINDOW)
        return True


class _Zstd:
    """The frames of a zstd stream, one after the other (RFC 8878)."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._new_frame, self._error = _zstd()
        self._frame = self._new_frame()

    def read(self, size: int, /) -> bytes:
        while True:
            given = b""
            if self._frame.eof:
                given = self._frame.unused_data or self._source.read(_READ_BYTES)
                if not given:
                    return b""
                self._frame = self._new_frame()
            elif self._frame.needs_input:
                given = self._source.read(_READ_BYTES)
                if not given:
                    raise LayerInvalid("the layer's zstd stream is cut short")
            try:
                content = self._frame.decompress(given, size)
            except self._error as error:
                raise LayerInvalid("the layer's zstd stream is damaged, or needs more memory than it may") from error
            if content:
                return content


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


@functools.cache
def _inflation() -> tuple[Callable[[int], _Inflater], type[Exception]]:
    """What undoes gzip, and its error: ISA-L, which is twice as fast, where there is a wheel of it; else zlib."""
    try:
        from isal import igzip_lib, isal_zlib
    except ImportError:
        return zlib.decompressobj, zlib.error
    return isal_zlib.decompressobj, igzip_lib.IsalError  # type: ignore[return-value]  # its stub calls it an instance


@functools.cache
def _zstd() -> tuple[Callable[[], ZstdDecompressor], type[Exception]]:
    # Most layers are gzip: their unpacking need not load this.
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    options = {int(zstd.DecompressionParameter.window_log_max): ZSTD_WINDOW_LOG}
    return lambda: zstd.ZstdDecompressor(options=options), zstd.ZstdError
