"""The state of a SQLite database as its WAL-index tells it, and the lookups that are remembered by it."""

from __future__ import annotations

import asyncio
import mmap
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from registry.metadata.connecting import AS_IT_COMES
from registry.metadata.database import open_database
from registry.metadata.sqlite_connections import connect, database_file
from registry.metadata.wal_index import WalIndex
from tests.registry.metadata.examples import APP, LATEST, a_manifest, digest, push
from tests.registry.metadata.raw_sql import execute
from tests.registry.metadata.writing_process import writing_process

_CHANGES = 200


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """A database in WAL mode, which a connection holds open."""
    path = tmp_path / "numbers.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE number (n INTEGER)")
        connection.commit()
        yield path


def test_the_state_is_another_after_every_change_and_the_same_in_between(file: Path) -> None:
    index = WalIndex.of(file)
    assert index is not None
    seen = [index.state()]
    with closing(index), closing(connect(file)) as writer:
        for number in range(_CHANGES):
            writer.execute("INSERT INTO number VALUES (?)", (number,))
            if number % 17 == 0:
                # The log begins anew, in the same file.
                writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            seen.append(index.state())

            assert index.state() == seen[-1]

    assert None not in seen
    assert len(set(seen)) == len(seen)


def test_a_transaction_changes_the_state_when_it_is_committed_and_not_before(file: Path) -> None:
    index = WalIndex.of(file)
    assert index is not None
    with closing(index), closing(connect(file)) as writer:
        before = index.state()
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO number VALUES (1)")
        during = index.state()
        writer.execute("COMMIT")
        after = index.state()
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO number VALUES (2)")
        writer.execute("ROLLBACK")
        undone = index.state()

    assert before == during != after == undone


def test_a_database_that_keeps_no_such_log_tells_no_state(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "plain.db")) as connection:
        connection.execute("CREATE TABLE number (n INTEGER)")

        assert WalIndex.of(tmp_path / "plain.db") is None


def test_an_index_of_another_format_tells_no_state(tmp_path: Path) -> None:
    with mapped(tmp_path / "a.db-shm", b"\xff" * 32768):
        assert WalIndex.of(tmp_path / "a.db") is None


def test_a_header_that_is_just_being_written_tells_no_state(tmp_path: Path) -> None:
    version = (3007000).to_bytes(4, "little")
    with mapped(tmp_path / "a.db-shm", version + bytes(44) + version + b"\1" + bytes(43)):
        index = WalIndex.of(tmp_path / "a.db")
        assert index is not None

        with closing(index):
            assert index.state() is None


@contextmanager
def mapped(file: Path, content: bytes) -> Iterator[None]:
    """This process has a file of this content in its memory, as SQLite has a database's."""
    file.write_bytes(content)
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0):
        yield


async def test_other_processes_know_that_the_database_is_in_use(sqlite_url: str) -> None:
    # Whoever gets this byte of the file believes to be alone and begins it anew (SQLite's `unixLockSharedMemory`).
    in_use = 128
    attempt = f"import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, {in_use})"
    async with await open_database(sqlite_url) as database:
        await database.write(push, "one")
        await database.lookups.tag_digest(APP, LATEST)
        command = [sys.executable, "-c", attempt, f"{database_file(sqlite_url)}-shm"]

        refused = await asyncio.to_thread(subprocess.run, command, check=False, capture_output=True, text=True)

    assert "BlockingIOError" in refused.stderr


async def test_lookups_agree_with_the_database_whatever_other_programs_do_to_it(sqlite_url: str) -> None:
    current = (
        "SELECT m.content FROM tag t JOIN manifest m ON m.repository_id = t.repository_id AND m.digest = t.digest "
        "WHERE t.valid_until IS NULL"
    )
    async with await open_database(sqlite_url) as database:
        await database.write(push, "first")
        for number in range(_CHANGES):
            match number % 4:
                case 0:
                    await database.write(push, f"manifest{number}")
                case 1:
                    await execute(sqlite_url, "DELETE FROM manifest_lease")
                case 2:
                    with closing(sqlite3.connect(database_file(sqlite_url))) as other:
                        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                case _:
                    await execute(sqlite_url, f"UPDATE manifest SET media_type = 'application/x.{number}'")

            for _ in range(2):
                found = await database.lookups.manifest_by_tag(APP, LATEST)
                [[content]] = await execute(sqlite_url, current)
                [[media_type]] = await execute(
                    sqlite_url, f"SELECT media_type FROM manifest WHERE content = CAST('{content.decode()}' AS BLOB)"
                )

                assert found is not None
                assert (found.content, found.media_type) == (content, media_type)


async def test_lookups_are_right_after_a_writing_process_was_killed(sqlite_url: str) -> None:
    async with await open_database(sqlite_url) as database:
        for _ in range(5):
            with writing_process(sqlite_url, AS_IT_COMES, "flood") as other:
                assert other.stdout is not None
                for _ in range(50):
                    acknowledged = other.stdout.readline().strip()
                    assert await database.lookups.manifest_by_digest(APP, digest(acknowledged)) is not None
                other.kill()
            missing = await database.lookups.manifest_by_digest(APP, digest("late"))
            await database.write(lambda tx: push(tx, "late"))
            found = await database.lookups.manifest_by_digest(APP, digest("late"))
            await execute(
                sqlite_url, "DELETE FROM tag", f"DELETE FROM manifest WHERE digest = X'{digest('late').raw.hex()}'"
            )

            assert missing is None
            assert found is not None
            assert await database.lookups.manifest_by_digest(APP, a_manifest("late").digest) is None
