"""The members of a tar archive, one after the other, with bounded memory whatever the archive says.

The standard library's reader takes an extended header of any size into memory. Only its parser of a single header
block is used here; the records that may stand before one are read here, within bounds (POSIX pax, "pax Extended
Header"; GNU tar, "Basic Tar Format").
"""

from __future__ import annotations

import os
import tarfile
from abc import ABC, abstractmethod

from oci_spec.errors import ImageLayoutInvalid
from storage_backends.blocks import BLOCK_SIZE
from storage_backends.layouts.contract import Member

BLOCK = tarfile.BLOCKSIZE

# Names and sizes fit many times; what else extended headers hold is not used.
_EXTENSION_BYTES = 1 << 20
_FILE_TYPES = {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE}
_PAX_TYPES = {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE}
_SKIPPED_TYPES = {tarfile.XGLTYPE, tarfile.GNUTYPE_LONGLINK}


class Cursor(ABC):
    """A place in an archive, which moves forward only."""

    @abstractmethod
    def read(self, size: int) -> bytes:
        """The next `size` bytes, or fewer where the archive ends."""

    @abstractmethod
    def skip(self, size: int) -> None:
        """Pass over `size` bytes; whether they are there is seen at the next read."""


class FileCursor(Cursor):
    """A place in an archive that is a file of `size` bytes; `position` is that of the next byte."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self.position = 0

    def read(self, size: int) -> bytes:
        # An archive may name a position that no file has.
        content = os.pread(self._descriptor, size, min(self.position, self._size))
        self.position += len(content)
        return content

    def skip(self, size: int) -> None:
        self.position += size


class StreamCursor(Cursor):
    """A place in an archive that comes through a pipe."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, size: int) -> bytes:
        content = bytearray()
        while len(content) < size and (part := os.read(self._descriptor, size - len(content))):
            content += part
        return bytes(content)

    def skip(self, size: int) -> None:
        while size > 0 and (part := self.read(min(size, BLOCK_SIZE))):
            size -= len(part)

    def drain(self) -> None:
        """Read what is left, so that whoever writes it is not told that nobody wants it."""
        while os.read(self._descriptor, BLOCK_SIZE):
            pass


def next_member(cursor: Cursor) -> Member | None:
    """The next member, whose content `cursor` then stands at; None after the last one.

    Who calls this moves the cursor over the content, and the padding after it, before the next call.

    Raises:
        ImageLayoutInvalid: this is no archive, or not a whole one.
    """
    name: str | None = None
    size: int | None = None
    while True:
        header = _header(cursor)
        if header is None:
            return None
        if header.type in _PAX_TYPES:
            records = _pax_records(_extension(cursor, header))
            name, size = records.get("path", name), _pax_size(records, size)
        elif header.type == tarfile.GNUTYPE_LONGNAME:
            name = _extension(cursor, header).rstrip(b"\0").decode("utf-8", "replace")
        elif header.type in _SKIPPED_TYPES:
            cursor.skip(padded(header.size))
        else:
            found = header.name if name is None else name
            return Member(_plain(found), header.size if size is None else size, header.type in _FILE_TYPES)


def padded(size: int) -> int:
    """What `size` bytes of content take in an archive."""
    return -(-size // BLOCK) * BLOCK


def _header(cursor: Cursor) -> tarfile.TarInfo | None:
    block = cursor.read(BLOCK)
    if len(block) < BLOCK:
        raise ImageLayoutInvalid("the archive is cut short")
    if block == bytes(BLOCK):
        return None
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    except tarfile.HeaderError as error:
        raise ImageLayoutInvalid("this is no tar archive; a compressed one has to be decompressed first") from error
    if header.size < 0:
        raise ImageLayoutInvalid("a member of the archive has a negative size")
    return header


def _extension(cursor: Cursor, header: tarfile.TarInfo) -> bytes:
    if header.size > _EXTENSION_BYTES:
        raise ImageLayoutInvalid(f"an extended header of the archive has more than {_EXTENSION_BYTES} bytes")
    content = cursor.read(header.size)
    if len(content) < header.size:
        raise ImageLayoutInvalid("the archive is cut short")
    cursor.skip(padded(header.size) - header.size)
    return content


def _pax_records(content: bytes) -> dict[str, str]:
    """The keywords and values of an extended header: each record is its own length, a space, `keyword=value`, LF."""
    records: dict[str, str] = {}
    start = 0
    while start < len(content) and content[start] != 0:
        digits, _, _ = content[start : start + 20].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        record = content[start : start + length]
        if length <= len(digits) + 1 or not record.endswith(b"\n") or len(record) < length:
            raise ImageLayoutInvalid("an extended header of the archive cannot be read")
        keyword, _, value = record[len(digits) + 1 : -1].partition(b"=")
        records[keyword.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
        start += length
    return records


def _pax_size(records: dict[str, str], before: int | None) -> int | None:
    text = records.get("size")
    if text is None:
        return before
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ImageLayoutInvalid("an extended header of the archive gives a size that is none")
    return int(text)


def _plain(name: str) -> str:
    while name.startswith("./"):
        name = name[2:].lstrip("/")
    return name
