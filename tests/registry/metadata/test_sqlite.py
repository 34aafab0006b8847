import asyncio
import errno
import os
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import Pool

from oci_spec.reference import RepositoryName
from registry.errors import DatabaseBusy, DatabaseUnavailable, StorageFull
from registry.metadata import group_commit, migrate
from registry.metadata.database import Database, open_database
from registry.metadata.sqlite import SqliteDatabase
from registry.metadata.sqlite_connections import database_file
from registry.metadata.transaction import Transaction
from registry.metadata.writer_turns import WriterTurns
from tests.contracts.metadata import DatabaseContract
from tests.registry.metadata.examples import APP, LATEST, a_manifest, digest, ensure, link, push, put
from tests.registry.patience import in_the_end


class TestSqliteDatabase(DatabaseContract):
    @pytest.fixture
    def database_url(self, sqlite_url: str) -> str:
        return sqlite_url

    @pytest.fixture
    def empty_database_url(self, tmp_path: Path) -> str:
        (tmp_path / "empty.db").touch()
        return f"sqlite:///{tmp_path / 'empty.db'}"

    @pytest.fixture
    def unreachable_url(self, tmp_path: Path) -> str:
        (tmp_path / "text.db").write_text("This is no database, but it is long enough to be looked at as one. " * 99)
        return f"sqlite:///{tmp_path / 'text.db'}"


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    async with await open_database(sqlite_url) as database:
        yield database


class Writer:
    """The writer thread, held up by a unit of work until it is let go."""

    def __init__(self) -> None:
        self._held = threading.Event()
        self._let_go = threading.Event()

    def hold(self, tx: Transaction) -> None:
        self._held.set()
        assert self._let_go.wait(100)

    async def is_held(self) -> None:
        assert await asyncio.to_thread(self._held.wait, 100)

    def let_go(self) -> None:
        self._let_go.set()


@contextmanager
def counted_commits() -> Iterator[list[Connection]]:
    commits: list[Connection] = []

    def count(connection: Connection) -> None:
        commits.append(connection)

    event.listen(Engine, "commit", count)
    try:
        yield commits
    finally:
        event.remove(Engine, "commit", count)


async def test_units_that_wait_share_one_commit(database: Database) -> None:
    writer = Writer()
    with counted_commits() as commits:
        holding = asyncio.create_task(database.write(writer.hold))
        await writer.is_held()
        waiting = [asyncio.create_task(database.write(link, f"blob{number}")) for number in range(100)]
        await asyncio.sleep(0)

        writer.let_go()
        await asyncio.gather(holding, *waiting)

    assert len(commits) == 2


async def test_a_unit_whose_caller_went_away_while_it_waited_is_not_run(database: Database) -> None:
    writer = Writer()
    holding = asyncio.create_task(database.write(writer.hold))
    await writer.is_held()
    gone = asyncio.create_task(database.write(push, "gone"))
    stays = asyncio.create_task(database.write(link, "stays"))
    await asyncio.sleep(0)

    gone.cancel()
    writer.let_go()
    await asyncio.gather(holding, stays)

    assert await database.lookups.manifest_by_tag(APP, LATEST) is None
    assert await database.lookups.linked_blob(APP, digest("stays")) is not None


async def test_units_handed_over_before_the_close_are_finished(sqlite_url: str) -> None:
    database = await open_database(sqlite_url)
    writer = Writer()
    waiting = [asyncio.create_task(database.write(writer.hold)), asyncio.create_task(database.write(push, "one"))]
    await writer.is_held()

    closing_down = asyncio.create_task(database.close())
    writer.let_go()
    await asyncio.gather(closing_down, *waiting)

    async with await open_database(sqlite_url) as again:
        assert await again.lookups.tag_digest(APP, LATEST) == digest("one")


async def test_a_full_disk_refuses_only_what_does_not_fit(sqlite_url: str) -> None:
    pages_left = 64

    def limit_pages(connection: sqlite3.Connection, record: Any) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + pages_left}")

    writer = Writer()
    event.listen(Pool, "connect", limit_pages)
    try:
        async with await open_database(sqlite_url) as database:
            holding = asyncio.create_task(database.write(writer.hold))
            await writer.is_held()
            large = replace(a_manifest("large"), content=bytes(2 * pages_left * 4096))
            waiting = [database.write(link, "before"), database.write(put, large), database.write(link, "after")]
            tasks = [asyncio.create_task(each) for each in waiting]
            await asyncio.sleep(0)

            writer.let_go()
            _, before, refused, after = await asyncio.gather(holding, *tasks, return_exceptions=True)

            assert isinstance(refused, StorageFull)
            assert refused.cause
            assert not isinstance(before, BaseException)
            assert not isinstance(after, BaseException)
            assert await database.lookups.linked_blob(APP, digest("before")) is not None
            assert await database.lookups.linked_blob(APP, digest("after")) is not None
            assert await database.lookups.manifest_by_digest(APP, digest("large")) is None
            await database.write(link, "later")
            assert await database.lookups.linked_blob(APP, digest("later")) is not None
    finally:
        event.remove(Pool, "connect", limit_pages)


async def test_a_write_waits_for_that_of_another_process(sqlite_url: str, database: Database) -> None:
    await database.write(push, "one")
    with closing(sqlite3.connect(database_file(sqlite_url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(database.write(push, "two"))

        # Reading goes on meanwhile, of what was committed.
        assert await database.lookups.tag_digest(APP, LATEST) == digest("one")
        assert await database.read(lambda tx: tx.repositories.find(APP)) is not None
        assert not waiting.done()

        other.execute("COMMIT")
        await waiting

    assert await database.lookups.tag_digest(APP, LATEST) == digest("two")


async def test_a_lock_that_is_never_given_up_is_told_as_busy(sqlite_url: str) -> None:
    async with SqliteDatabase(database_file(sqlite_url), busy_timeout_s=0.05) as database:
        with closing(sqlite3.connect(database_file(sqlite_url), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")

            results = await asyncio.gather(*(database.write(ensure) for _ in range(3)), return_exceptions=True)

            assert [type(result) for result in results] == [DatabaseBusy] * 3
            with pytest.raises(DatabaseBusy):
                await database.ping()
            other.execute("ROLLBACK")
        await in_the_end(database.ping)
        await in_the_end(lambda: database.write(ensure))


async def test_a_process_that_hangs_in_its_turn_is_told_as_busy(sqlite_url: str) -> None:
    async with SqliteDatabase(database_file(sqlite_url), busy_timeout_s=0.05) as database:
        turns = WriterTurns(database_file(sqlite_url))
        with turns:
            with pytest.raises(DatabaseBusy):
                await database.write(push, "refused")
            assert await database.lookups.tag_digest(APP, LATEST) is None

        # What was refused is not done after all when the turn comes.
        await in_the_end(lambda: database.write(link, "layer"))
        assert await database.lookups.tag_digest(APP, LATEST) is None
        turns.close()


async def test_a_unit_that_begins_while_its_caller_loses_patience_is_not_told_as_not_run(database: Database) -> None:
    assert isinstance(database, SqliteDatabase)
    writer, begun = database._writer, list[object]()

    class Answer(asyncio.Future[None]):
        """One that is looked at in the very moment in which the writer's thread comes to the unit."""

        def done(self) -> bool:
            if waiting not in seen:
                seen.append(waiting)
                begun.extend(writer._begin([waiting]))
            return super().done()

    seen: list[object] = []
    answer = Answer()
    waiting = group_commit._Waiting(ensure, answer, makes_room=False, durable=True)
    group_commit._give_up(waiting)

    assert begun == [waiting]
    assert not answer.done()


async def test_a_database_is_closed_though_another_process_hangs_in_its_turn(sqlite_url: str) -> None:
    database = SqliteDatabase(database_file(sqlite_url), busy_timeout_s=0.05)
    turns = WriterTurns(database_file(sqlite_url))
    with turns:
        with pytest.raises(DatabaseBusy):
            await database.write(push, "refused")
        await database.close()
    turns.close()


async def test_a_read_sees_one_state_however_long_it_takes(database: Database) -> None:
    began, changed = threading.Event(), threading.Event()

    def look_twice(tx: Transaction) -> tuple[list[str], list[str]]:
        repository = tx.repositories.find(APP)
        assert repository is not None
        first = tx.tags.page(repository.id, None, 10)
        began.set()
        assert changed.wait(100)
        return first, tx.tags.page(repository.id, None, 10)

    await database.write(ensure)
    looking = asyncio.create_task(database.read(look_twice))
    assert await asyncio.to_thread(began.wait, 100)
    await database.write(push, "one")
    changed.set()

    assert await looking == ([], [])


async def test_what_is_acknowledged_is_on_the_disk_and_a_note_waits_for_none(
    sqlite_url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Path(f"{database_file(sqlite_url)}-wal")
    may_sync = threading.Event()
    synced: list[bytes] = []
    sync = os.fdatasync

    def syncing(descriptor: int) -> None:
        assert may_sync.wait(100)
        assert os.fstat(descriptor).st_ino == log.stat().st_ino
        synced.append(log.read_bytes())
        sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", syncing)
    durable, noted = RepositoryName.parse("durable"), RepositoryName.parse("noted")
    waiting = [asyncio.create_task(run(ensure, durable)) for run in (database.write, database.reclaim)]
    await asyncio.sleep(0)
    await database.note(ensure, noted)
    assert not any(task.done() for task in waiting)
    # Of what is not on the disk yet, nobody who reads is kept waiting.
    assert await database.read(lambda tx: len(tx.repositories.list(10, None))) == 2
    may_sync.set()
    await asyncio.gather(*waiting)

    assert b"durable" in synced[0]


async def test_a_log_that_could_not_be_synced_is_not_believed_by_the_next_sync(
    sqlite_url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", failing)
        with pytest.raises(DatabaseUnavailable) as refused:
            await database.write(ensure, RepositoryName.parse("first"))
        assert "Input/output error" in refused.value.cause
    await database.write(ensure, RepositoryName.parse("second"))

    # Both were moved into the file itself: that needs no log any more.
    copy = Path(database_file(sqlite_url)).read_bytes()
    assert b"first" in copy
    assert b"second" in copy


async def test_every_connection_that_writes_enforces_references(database: Database) -> None:
    seen: list[tuple[Any, ...]] = []

    def look(connection: Any, cursor: sqlite3.Cursor, *rest: Any) -> None:
        raw = cursor.connection
        pragmas = ("journal_mode", "synchronous", "foreign_keys")
        seen.append(tuple(raw.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas))

    event.listen(Engine, "before_cursor_execute", look)
    try:
        for run in (database.write, database.note, database.reclaim):
            await run(ensure)
    finally:
        event.remove(Engine, "before_cursor_execute", look)

    assert set(seen) == {("wal", 1, 1)}


async def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "a %41 file? #1.db"

    await asyncio.to_thread(migrate.upgrade, f"sqlite:///{path}")

    async with await open_database(f"sqlite:///{path}") as database:
        await database.write(ensure)
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in _files(tmp_path)}
    assert modes.keys() >= {path.name, f"{path.name}-wal"}
    assert set(modes.values()) == {0o600}


async def test_a_file_in_a_missing_directory_is_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'missing' / 'registry.db'}"

    with pytest.raises(DatabaseUnavailable) as raised:
        await asyncio.to_thread(migrate.upgrade, url)

    assert str(tmp_path / "missing" / "registry.db") in raised.value.cause


@pytest.mark.root
async def test_files_made_by_roots_command_belong_to_the_owner_of_the_database(sqlite_url: str, tmp_path: Path) -> None:
    nobody = 65534
    os.chown(database_file(sqlite_url), nobody, nobody)

    async with await open_database(sqlite_url) as database:
        await database.write(ensure)
        owners = {each.name: each.stat().st_uid for each in _files(tmp_path)}

    assert {"registry.db-turn", "registry.db-wal", "registry.db-shm"} <= owners.keys()
    assert set(owners.values()) == {nobody}


def _files(directory: Path) -> list[Path]:
    return list(directory.iterdir())
