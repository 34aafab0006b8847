"""The whole database in one file, made while others write, and put back into an empty database of either kind.

The bytes of blobs are not in it: its rows say which there are (`inventory`), so that one can see whether a storage has
them. Upload sessions, the leases of jobs and counted failed logins are left out. All of this is for threads or a
program of its own: it blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from oci_spec.digest import Digest
from registry.auth.subject import OPERATOR
from registry.metadata import restoration, revision, snapshot
from registry.metadata.connecting import AS_IT_COMES, Connecting
from registry.metadata.plain_rows import TABLES, PlainTable
from registry.metadata.restoration import Restoration
from registry.metadata.snapshot import Snapshot
from registry.metadata.transaction import Transaction
from registry.services import audit
from registry.services.backup_file import BackupInvalid, BackupReader, BackupWriter, Header, TableHead
from registry.services.context import Services, now
from registry.services.progress import Progress, Watcher, unwatched

_BLOBS = "blob"
_TOLD_EVERY = 500


@dataclass(frozen=True, slots=True)
class InventoriedBlob:
    """A blob of a backup, and where the storage had its bytes."""

    key: str
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class Written:
    """What was written; `blobs` and `blob_size` are of what the storage has to have."""

    header: Header
    checksum: str
    blobs: int
    blob_size: int


def write(
    url: str,
    target: BinaryIO,
    *,
    storage: str,
    connecting: Connecting = AS_IT_COMES,
    without_keys: bool = False,
    progress: Watcher = unwatched,
) -> Written:
    """Write the database at `url` to `target`, as it is now; whoever writes to it meanwhile is not held up.

    All that was acknowledged before is in it. `storage` is the kind of store that its keys are of. `without_keys`
    leaves out the registry's own: a registry that is restored from it makes new ones.

    Raises:
        SchemaMismatch, DatabaseUnavailable, DatabaseBusy: the database cannot be read; what was written is no backup.
    """
    tables = [table for table in TABLES if not (without_keys and table.holds_secrets)]
    moment = now()

    def write_tables(seen: Snapshot) -> Written:
        header = Header(
            schema=revision.HEAD,
            made_at=moment,
            storage=storage,
            tables={table.name: seen.count(table) for table in tables},
        )
        rows = _Counted(header, "rows", progress)
        writer = BackupWriter(target, header)
        blobs = blob_size = 0
        for table in tables:
            writer.begin_table(TableHead(table.name, list(table.columns), seen.last_id(table)))
            size_at = table.columns.index("size") if table.name == _BLOBS else None
            for row in rows.each(seen.rows(table)):
                writer.row(row)
                if size_at is not None:
                    blobs, blob_size = blobs + 1, blob_size + row[size_at]
        return Written(header, writer.end(), blobs, blob_size)

    return snapshot.read(url, write_tables, connecting)


def restore(
    url: str,
    source: BinaryIO,
    *,
    storage: str,
    connecting: Connecting = AS_IT_COMES,
    progress: Watcher = unwatched,
) -> Header:
    """Put the backup from `source` into the database at `url`, all of it or nothing, and give what it says of itself.

    The database is made, or given its tables, where that is to be done. Nothing may serve the registry meanwhile.

    Raises:
        BackupInvalid: it is no whole backup, or of another schema or kind of storage.
        DatabaseNotEmpty: there is something in the database.
        SchemaMismatch, DatabaseUnavailable: the database is newer, or cannot be written.
    """
    reader = BackupReader(source)
    _require_fitting(reader.header, storage)
    rows = _Counted(reader.header, "rows", progress)

    def put_tables(into: Restoration) -> None:
        for table, head in _tables(reader):
            into.put(table, rows.each(reader.rows(reader.header.tables[table.name], table.types)), head.last_id)
        reader.end()

    restoration.restore(url, put_tables, connecting)
    return reader.header


async def note_restored(services: Services, header: Header) -> None:
    """Put down in the audit log, which has come back as it was, that something is undone behind this entry."""
    await services.database.write(_note_restored, header)


def inventory(reader: BackupReader, *, progress: Watcher = unwatched) -> Iterator[InventoriedBlob]:
    """The blobs of a backup, which is read to its end: it is a whole one if this ends without an error.

    Raises:
        BackupInvalid: it is not, or of another schema.
    """
    _require_schema(reader.header)
    counted = _Counted(reader.header, "rows", progress)
    for table, _ in _tables(reader):
        rows = counted.each(reader.rows(reader.header.tables[table.name], table.types))
        if table.name == _BLOBS:
            yield from _inventoried(table.columns, rows)
        else:
            for _row in rows:
                pass
    reader.end()


def _note_restored(tx: Transaction, header: Header) -> None:
    detail = {"made_at": header.made_at.isoformat(), "schema": header.schema}
    action = audit.Action.DATABASE_RESTORED
    audit.record(tx, action, actor=str(OPERATOR), target="", moment=now(), detail=detail)


def _tables(reader: BackupReader) -> Iterator[tuple[PlainTable, TableHead]]:
    known = {table.name: table for table in TABLES}
    for name in reader.header.tables:
        head = reader.begin_table()
        table = known.pop(name, None)
        if table is None or head.table != name or tuple(head.columns) != table.columns:
            raise BackupInvalid(f"has a table that this program does not know: {name}")
        yield table, head
    if missing := [table.name for table in known.values() if not table.holds_secrets]:
        raise BackupInvalid(f"lacks tables: {', '.join(missing)}")


def _inventoried(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[InventoriedBlob]:
    key, algorithm, digest, size = map(columns.index, ("key", "algorithm", "digest", "size"))
    for row in rows:
        yield InventoriedBlob(row[key], Digest.from_raw(row[algorithm], row[digest]), row[size])


def _require_fitting(header: Header, storage: str) -> None:
    _require_schema(header)
    if header.storage != storage:
        raise BackupInvalid(
            f"is of a registry whose storage.backend is {header.storage!r}, and that of this one is {storage!r}"
        )


def _require_schema(header: Header) -> None:
    if header.schema != revision.HEAD:
        raise BackupInvalid(
            f"is of the schema's revision {header.schema}, and this program works with {revision.HEAD}: "
            "restore it with the version that made it, and upgrade then"
        )


class _Counted:
    """Counts the rows that pass, and tells of them now and then."""

    def __init__(self, header: Header, stage: str, progress: Watcher) -> None:
        self._stage = stage
        self._total = sum(header.tables.values())
        self._progress = progress
        self._done = 0

    def each(self, rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        for row in rows:
            yield row
            self._done += 1
            if self._done % _TOLD_EVERY == 0:
                self._progress(Progress(self._stage, self._done, self._total))
