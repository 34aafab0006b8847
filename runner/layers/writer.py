"""A tar stream, entry by entry: POSIX's ustar headers, and extended ones for what these cannot hold.

Attributes are `SCHILY.xattr.*`, as in layers; sparse files are those of GNU tar's version 1.0 (POSIX pax, "pax
Interchange Format"; GNU tar, "Storing Sparse Files").
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from runner.layers import sparse
from runner.layers.blocks import BLOCK, padding
from runner.layers.entries import Entry, Kind
from runner.layers.headers import LARGEST_ID, LARGEST_NUMBER, Header, fits_link, fits_name, format_header
from runner.layers.pax import Records, format_records, format_time_ns

_TYPES = {
    Kind.FILE: b"0",
    Kind.HARD_LINK: b"1",
    Kind.SYMLINK: b"2",
    Kind.CHARACTER_DEVICE: b"3",
    Kind.BLOCK_DEVICE: b"4",
    Kind.DIRECTORY: b"5",
    Kind.FIFO: b"6",
}
_EXTENDED = b"x"
_END = bytes(2 * BLOCK)
_SECOND_NS = 1_000_000_000
_SHOWN_BYTES = 60


class ByteSink(Protocol):
    """What an archive is written to."""

    def write(self, content: bytes, /) -> object:
        """Take all of it."""
        ...


class TarWriter:
    """An archive that is written to `output`."""

    def __init__(self, output: ByteSink) -> None:
        self._output = output

    def add(self, entry: Entry, content: Iterable[bytes] = ()) -> None:
        """Write an entry.

        Args:
            entry: what it is; the name of a directory is given without a slash at its end.
            content: of a file all bytes; of a sparse one those of its segments, the last of which ends where it does,
                or other programs take the file for shorter.
        """
        name = entry.name + b"/" if entry.kind is Kind.DIRECTORY else entry.name
        records = _records(entry, name)
        stored, before = entry.size, b""
        if entry.segments is not None:
            before = sparse.to_content(entry.segments)
            stored = len(before) + sum(segment.size for segment in entry.segments)
            name = _sparse_name(name)
        if stored > LARGEST_NUMBER:
            records.append((b"size", b"%d" % stored))
        self._extend(entry, records)
        self._output.write(_header(entry, name, stored))
        self._output.write(before)
        for piece in content:
            self._output.write(piece)
        self._output.write(bytes(padding(stored)))

    def finish(self) -> None:
        """Write the archive's end."""
        self._output.write(_END)

    def _extend(self, entry: Entry, records: Records) -> None:
        if not records:
            return
        content = format_records(records)
        name = b"PaxHeaders.0/" + entry.name.rpartition(b"/")[2][:_SHOWN_BYTES]
        header = Header(name, 0o644, 0, 0, len(content), _seconds(entry), _EXTENDED, b"", b"")
        self._output.write(format_header(header) + content + bytes(padding(len(content))))


def _records(entry: Entry, name: bytes) -> Records:
    """What the entry's header cannot hold, but for the size."""
    records: Records = []
    if entry.segments is not None:
        records += [
            (b"GNU.sparse.major", b"1"),
            (b"GNU.sparse.minor", b"0"),
            (b"GNU.sparse.name", name),
            (b"GNU.sparse.realsize", b"%d" % entry.size),
        ]
    elif not (fits_name(name) and name.isascii()):
        records.append((b"path", name))
    if not (fits_link(entry.link) and entry.link.isascii()):
        records.append((b"linkpath", entry.link))
    records += [(key, b"%d" % owner) for key, owner in ((b"uid", entry.uid), (b"gid", entry.gid)) if owner > LARGEST_ID]
    if entry.mtime_ns != _seconds(entry) * _SECOND_NS:
        records.append((b"mtime", format_time_ns(entry.mtime_ns)))
    records += [(b"SCHILY.xattr." + key, value) for key, value in entry.xattrs.items()]
    return records


def _header(entry: Entry, name: bytes, stored: int) -> bytes:
    header = Header(
        name=name,
        mode=entry.mode,
        uid=_or_none(entry.uid, LARGEST_ID),
        gid=_or_none(entry.gid, LARGEST_ID),
        size=_or_none(stored, LARGEST_NUMBER),
        mtime=_seconds(entry),
        type=_TYPES[entry.kind],
        link=entry.link,
        block=b"",
    )
    return format_header(header, entry.device)


def _sparse_name(name: bytes) -> bytes:
    """What those take for the name who do not know of sparse files: what they then write is not what it was."""
    folder, slash, last = name.rpartition(b"/")
    return folder + slash + b"GNUSparseFile.0/" + last


def _seconds(entry: Entry) -> int:
    return min(max(entry.mtime_ns // _SECOND_NS, 0), LARGEST_NUMBER)


def _or_none(value: int, largest: int) -> int:
    return value if value <= largest else 0
