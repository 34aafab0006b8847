"""The file of a backup: lines of JSON, compressed with gzip, that any program can read and that prove themselves.

    {"format": "moorage-backup", "version": 1, "schema": …, "made_at": …, "storage": …, "tables": {name: rows, …}}
    {"table": name, "columns": [name, …], "last_id": …}      for each table, in the order of `tables`, and then
    [value, …]                                               for each of its rows
    {"sha256": …}                                            of all bytes before this line

Values are numbers, truth values, texts, and bytes as base64; times are microseconds since 1970. Few rows are in memory.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

import msgspec

from registry import limits

FORMAT: Final = "moorage-backup"
VERSION: Final = 1

# More would take longer than it spares: most of a row are digests.
_COMPRESSION = 1
_FILE_MODE = 0o600

T = TypeVar("T")


class BackupInvalid(Exception):
    """A file is no backup, or not a whole one, for `reason`, which completes "the backup …"."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the backup {reason}")
        self.reason = reason


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself; `tables` counts the rows of each."""

    schema: str
    made_at: datetime
    storage: str
    tables: dict[str, int]
    format: str = FORMAT
    version: int = VERSION


class TableHead(msgspec.Struct, frozen=True):
    """What stands before a table's rows."""

    table: str
    columns: list[str]
    last_id: int | None


class _Claim(msgspec.Struct):
    format: str
    version: int


class _End(msgspec.Struct):
    sha256: str


class BackupWriter:
    """Writes one backup; what is not ended is none."""

    def __init__(self, target: BinaryIO, header: Header) -> None:
        """Write the header to `target`, which remains the caller's."""
        self._compressed = gzip.GzipFile("", "wb", _COMPRESSION, target, mtime=0)
        self._hash = hashlib.sha256()
        self._write(header)

    def begin_table(self, head: TableHead) -> None:
        """Write what stands before a table's rows."""
        self._write(head)

    def row(self, row: Sequence[Any]) -> None:
        """Write one row."""
        self._write(tuple(row))

    def end(self) -> str:
        """Write the checksum, by which a reader sees that this is all, and give it."""
        checksum = self._hash.hexdigest()
        self._write(_End(checksum))
        self._compressed.close()
        return checksum

    def _write(self, value: Any) -> None:
        line = msgspec.json.encode(value) + b"\n"
        self._hash.update(line)
        self._compressed.write(line)


class BackupReader:
    """Reads one backup from its beginning; nothing of it is to be believed before `end`."""

    def __init__(self, source: BinaryIO) -> None:
        """Read the header from `source`, which remains the caller's.

        Raises:
            BackupInvalid: it is no backup, or one of another version.
        """
        self._compressed = gzip.GzipFile("", "rb", fileobj=source)
        self._hash = hashlib.sha256()
        line = self._line()
        claim = _decoded(msgspec.json.Decoder(_Claim), line)
        if claim.format != FORMAT:
            raise BackupInvalid("is no backup of this registry")
        if claim.version != VERSION:
            raise BackupInvalid(f"is of version {claim.version}; this program reads {VERSION}")
        self.header = _decoded(msgspec.json.Decoder(Header), line)

    def begin_table(self) -> TableHead:
        """Read what stands before the next table's rows.

        Raises:
            BackupInvalid: something else comes.
        """
        return _decoded(msgspec.json.Decoder(TableHead), self._line())

    def rows(self, count: int, types: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """Read `count` rows whose values are of these types.

        Raises:
            BackupInvalid: fewer or other ones come.
        """
        decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(tuple.__class_getitem__(tuple(types)))
        for _ in range(count):
            yield _decoded(decoder, self._line())

    def end(self) -> None:
        """Return if the backup is as it was written, to its end.

        Raises:
            BackupInvalid: it is not.
        """
        expected = self._hash.hexdigest()
        end = _decoded(msgspec.json.Decoder(_End), self._line())
        if end.sha256 != expected or self._read_line():
            raise BackupInvalid("does not have the checksum that it was written with")

    def _line(self) -> bytes:
        line = self._read_line()
        if not line.endswith(b"\n"):
            raise BackupInvalid("is cut off")
        self._hash.update(line)
        return line

    def _read_line(self) -> bytes:
        try:
            return self._compressed.readline(limits.BACKUP_LINE_BYTES)
        except EOFError:
            raise BackupInvalid("is cut off") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise BackupInvalid(f"cannot be read: {error}") from error


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """A file to write that becomes `path` when the block ends, durable and for its owner's eyes only; or none."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    folder = os.open(path.absolute().parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _decoded(decoder: msgspec.json.Decoder[T], line: bytes) -> T:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BackupInvalid(f"holds a line that does not belong there: {error}") from error
