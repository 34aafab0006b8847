"""The entries of a tar stream, one after the other, with bounded memory whatever the stream says.

Numbers, names and attributes of extended headers win over those of GNU's long names, and both over the header's own. A
size that belongs to an entry without content (a link, a directory, a device) says nothing, as for other readers of
layers: two programs must not see different entries in one archive.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from runner import limits
from runner.layers import sparse
from runner.layers.blocks import BLOCK, Blocks, ByteSource, padding
from runner.layers.entries import Entry, Kind, Segment
from runner.layers.errors import LayerInvalid, LayerTooLarge
from runner.layers.headers import Header, number, parse_header, text
from runner.layers.pax import parse_decimal, parse_records, parse_time_ns, seconds_to_ns

_KINDS = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"7": Kind.FILE,
    b"S": Kind.FILE,
    b"1": Kind.HARD_LINK,
    b"2": Kind.SYMLINK,
    b"3": Kind.CHARACTER_DEVICE,
    b"4": Kind.BLOCK_DEVICE,
    b"5": Kind.DIRECTORY,
    b"6": Kind.FIFO,
}
_PAX, _PAX_SOLARIS, _PAX_GLOBAL, _LONG_NAME, _LONG_LINK, _OLD_SPARSE = b"x", b"X", b"g", b"L", b"K", b"S"
_EXTENSIONS = {_PAX, _PAX_SOLARIS, _PAX_GLOBAL, _LONG_NAME, _LONG_LINK}
_XATTR = b"SCHILY.xattr."
_SPARSE = b"GNU.sparse."
_ZEROS = bytes(BLOCK)
# The largest user and group: one more means "leave it" to the kernel.
_LARGEST_ID = (1 << 32) - 2


@dataclass(slots=True)
class _Extensions:
    """What the headers before an entry have said about it."""

    values: dict[bytes, bytes] = field(default_factory=dict)
    xattrs: dict[bytes, bytes] = field(default_factory=dict)
    sparse_numbers: list[int] = field(default_factory=list)
    name: bytes | None = None
    link: bytes | None = None


class TarReader:
    """The archive that `source` gives, with at most `max_headers` headers."""

    def __init__(self, source: ByteSource, max_headers: int) -> None:
        self._blocks = Blocks(source)
        self._max_headers = max_headers
        self._defaults: dict[bytes, bytes] = {}
        # What is left to read of the entry that came last, and of the padding after it.
        self._stored = 0
        self._padding = 0

    def entries(self) -> Iterator[Entry]:
        """Each entry; what `content` has not given of one is passed over. The stream is read to its end.

        Raises:
            LayerInvalid: this is no archive, or not a whole one.
            LayerTooLarge: there are more headers, or larger ones, than is allowed.
        """
        extensions = _Extensions()
        for _ in range(self._max_headers):
            self._blocks.skip(self._stored + self._padding)
            self._stored = self._padding = 0
            block = b"" if self._blocks.at_end() else self._blocks.take(BLOCK)
            # Some archivers leave the closing blocks of zeros out; a cut is then seen by the digest.
            if not block or block == _ZEROS:
                self._blocks.drain()
                return
            header = parse_header(block)
            if header.type in _EXTENSIONS:
                self._extend(header, extensions)
                continue
            yield self._entry(header, extensions)
            extensions = _Extensions()
        raise LayerTooLarge("entries of the archive", self._max_headers)

    def content(self, size: int) -> Iterator[memoryview]:
        """The next `size` bytes of the entry that came last, and no more than the archive has of it.

        Raises:
            LayerInvalid: the archive ends before the entry does.
        """
        for piece in self._blocks.pieces(min(size, self._stored)):
            self._stored -= len(piece)
            yield piece

    def _extend(self, header: Header, extensions: _Extensions) -> None:
        if header.size > limits.HEADER_BYTES:
            raise LayerTooLarge("bytes of an extended header", limits.HEADER_BYTES)
        content = self._blocks.take(header.size)
        self._blocks.skip(padding(header.size))
        if header.type == _LONG_NAME:
            extensions.name = text(content)
        elif header.type == _LONG_LINK:
            extensions.link = text(content)
        elif header.type == _PAX_GLOBAL:
            self._extend_defaults(content)
        else:
            _extend_by_records(content, extensions)

    def _extend_defaults(self, content: bytes) -> None:
        # No archiver gives all entries the same attributes or holes: it would make much work of little data.
        self._defaults |= {
            keyword: value for keyword, value in parse_records(content) if not keyword.startswith((_XATTR, _SPARSE))
        }
        if sum(len(keyword) + len(value) for keyword, value in self._defaults.items()) > limits.HEADER_BYTES:
            raise LayerTooLarge("bytes of the global headers", limits.HEADER_BYTES)

    def _entry(self, header: Header, extensions: _Extensions) -> Entry:
        # An empty value takes a keyword back, also one of the global headers.
        values = {keyword: value for keyword, value in (self._defaults | extensions.values).items() if value}
        kind = _kind(header)
        segments: list[Segment] | None = None
        size = 0
        if kind is Kind.FILE:
            size = parse_decimal(values[b"size"]) if b"size" in values else header.size
            self._stored, self._padding = size, padding(size)
            segments, size = self._sparse(header, values, extensions.sparse_numbers)
        mtime = values.get(b"mtime")
        return Entry(
            name=values.get(b"GNU.sparse.name") or values.get(b"path") or extensions.name or header.name,
            kind=kind,
            link=values.get(b"linkpath") or extensions.link or header.link,
            mode=header.mode & 0o7777,
            uid=_owner(values.get(b"uid"), header.uid),
            gid=_owner(values.get(b"gid"), header.gid),
            mtime_ns=seconds_to_ns(header.mtime) if mtime is None else parse_time_ns(mtime),
            size=size,
            device=_device(header, kind),
            xattrs=extensions.xattrs,
            segments=segments,
        )

    def _sparse(
        self, header: Header, values: dict[bytes, bytes], numbers: list[int]
    ) -> tuple[list[Segment] | None, int]:
        """The pieces of a sparse file, None for others; and the size of the file as it will be."""
        size = values.get(b"GNU.sparse.realsize") or values.get(b"GNU.sparse.size")
        if header.type == _OLD_SPARSE:
            segments, real_size = sparse.from_old_header(header.block, self._blocks)
        elif size is None:
            return None, self._stored
        elif values.get(b"GNU.sparse.major") == b"1":
            segments, taken = sparse.from_content(self._blocks)
            if taken > self._stored:
                raise LayerInvalid("the pieces of a sparse file are longer than it is")
            self._stored -= taken
            real_size = parse_decimal(size)
        else:
            listed = values.get(b"GNU.sparse.map")
            found = [parse_decimal(part) for part in listed.split(b",")] if listed else numbers
            segments, real_size = sparse.from_numbers(found), parse_decimal(size)
        sparse.check(segments, self._stored, real_size)
        return segments, real_size


def _extend_by_records(content: bytes, extensions: _Extensions) -> None:
    for keyword, value in parse_records(content):
        if keyword.startswith(_XATTR):
            extensions.xattrs[keyword[len(_XATTR) :]] = value
        elif keyword in {b"GNU.sparse.offset", b"GNU.sparse.numbytes"}:
            extensions.sparse_numbers.append(parse_decimal(value))
        else:
            extensions.values[keyword] = value


def _kind(header: Header) -> Kind:
    kind = _KINDS.get(header.type)
    if kind is None:
        raise LayerInvalid("the archive holds an entry of a kind that is not known")
    # Before there were types, a slash at the end of a name told a directory.
    if header.type == b"\0" and header.name.endswith(b"/"):
        return Kind.DIRECTORY
    return kind


def _owner(extended: bytes | None, own: int) -> int:
    value = own if extended is None else parse_decimal(extended)
    if not 0 <= value <= _LARGEST_ID:
        raise LayerInvalid("an entry of the archive belongs to a user or group that cannot be")
    return value


def _device(header: Header, kind: Kind) -> tuple[int, int]:
    if kind not in {Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE}:
        return 0, 0
    major, minor = number(header.block[329:337]), number(header.block[337:345])
    if not (0 <= major < 1 << 12 and 0 <= minor < 1 << 20):
        raise LayerInvalid("the archive holds a device with a number that cannot be")
    return major, minor
