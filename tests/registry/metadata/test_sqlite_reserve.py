"""A full disk: what makes room is written in the room that was kept, and nothing else uses that up."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from registry.errors import StorageFull
from registry.metadata.database import Database, open_database
from registry.metadata.sqlite import SqliteDatabase
from registry.metadata.sqlite_connections import database_file
from registry.metadata.transaction import Transaction
from tests.registry.full_disk import copied_database, filled, small_disk
from tests.registry.metadata.examples import NOW, later

pytestmark = pytest.mark.root

KEPT_BYTES = (4 << 20) // 32


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 4) as mounted:
        yield mounted


@pytest.fixture
def url(disk: Path, migrated_sqlite_file: Path) -> str:
    return copied_database(migrated_sqlite_file, disk)


def kept(url: str) -> int:
    """How much room is kept, in bytes."""
    return Path(f"{database_file(url)}-reserve").stat().st_blocks * 512


@contextmanager
def a_reader(url: str) -> Iterator[None]:
    """Somebody who reads on what there is now: the write-ahead log cannot begin anew."""
    with closing(sqlite3.connect(database_file(url), isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM repository").fetchall()
        yield


def record(tx: Transaction) -> None:
    for _ in range(4):
        tx.outbox.append("kind", {"text": "x" * 1000}, NOW)


def trim(tx: Transaction) -> int:
    pending = tx.outbox.pending(1)
    tx.outbox.mark_indexed([event.id for event in pending], NOW)
    return tx.outbox.trim(later(1), 1)


async def use_up(database: Database) -> None:
    """Write until there is no room."""
    with suppress(StorageFull):
        while True:
            await database.write(record)


async def test_what_makes_room_is_written_though_there_is_none(disk: Path, url: str) -> None:
    async with SqliteDatabase(database_file(url), busy_timeout_s=1.0) as database:
        await database.write(record)
        with a_reader(url), filled(disk):
            await use_up(database)
            kept_before = kept(url)
            with pytest.raises(StorageFull):
                await database.write(trim)

            removed = await database.reclaim(trim)

            assert (kept_before, kept(url)) == (KEPT_BYTES, 0)
            assert removed == 1


async def test_nothing_else_is_written_until_room_is_kept_again(disk: Path, url: str) -> None:
    async with await open_database(url) as database:
        await database.write(record)
        with filled(disk):
            await use_up(database)
            await database.reclaim(trim)
            # What it left of the room would do for a row.
            with pytest.raises(StorageFull):
                await database.write(record)
            with pytest.raises(StorageFull):
                await database.ping()
            assert await database.reclaim(trim) == 1

        await database.ping()
        await database.write(record)
        assert kept(url) == KEPT_BYTES


async def test_another_process_knows_that_the_room_is_in_use(disk: Path, url: str) -> None:
    async with await open_database(url) as database, await open_database(url) as other:
        await other.write(record)
        with filled(disk):
            await use_up(database)
            await database.reclaim(trim)

            with pytest.raises(StorageFull):
                await other.write(record)
            assert await other.reclaim(trim) == 1

        await other.write(record)


async def test_the_health_check_tells_of_a_full_disk_before_anybody_writes(disk: Path, url: str) -> None:
    async with await open_database(url) as database:
        await database.ping()
        with filled(disk):
            with pytest.raises(StorageFull):
                await database.ping()
            assert kept(url) == KEPT_BYTES

        await database.ping()


async def test_a_full_disk_has_room_for_opening_its_database(disk: Path, url: str) -> None:
    async with await open_database(url) as database:
        await database.write(record)
    assert not Path(f"{database_file(url)}-shm").exists()

    with filled(disk):
        async with await open_database(url) as database:
            with pytest.raises(StorageFull):
                await database.write(record)
            assert await database.reclaim(trim) == 1


async def test_a_unit_that_fails_for_another_reason_uses_no_reserve(disk: Path, url: str) -> None:
    def fail(_tx: Transaction) -> None:
        raise LookupError

    async with await open_database(url) as database:
        with pytest.raises(LookupError):
            await database.reclaim(fail)

        await database.write(record)
        assert kept(url) == KEPT_BYTES
