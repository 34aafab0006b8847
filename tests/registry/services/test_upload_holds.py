from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from registry.errors import DatabaseBusy
from registry.metadata.database import Database
from registry.metadata.rows import UploadHold
from registry.metadata.sqlite import SqliteDatabase
from registry.metadata.sqlite_connections import database_file
from registry.services.context import now
from registry.services.upload_holds import DatabaseUploadHolds, forget_ended
from storage_backends.errors import UploadBusy
from tests.registry.services.owning import owning_process

KEY = "0123456789abcdef0123456789abcdef"
SHORT_S = 1
# Renewed after a quarter of it, and long enough for that to be in time on a machine that is busy with other tests.
SPAN_S = 6
LOOK_S = 0.02


async def test_one_process_at_a_time_holds_an_upload(database: Database) -> None:
    holds, others = DatabaseUploadHolds(database), DatabaseUploadHolds(database)

    for contender in (holds, others):
        async with holds.hold(KEY):
            with pytest.raises(UploadBusy):
                async with contender.hold(KEY):
                    pytest.fail("two hold one upload")
        async with contender.hold(KEY):
            pass


async def test_an_upload_is_held_for_as_long_as_its_session_lasts(database: Database) -> None:
    holds, others = DatabaseUploadHolds(database, SPAN_S), DatabaseUploadHolds(database, SPAN_S)

    async with holds.hold(KEY):
        ends = {await _end(database)}
        # Renewed twice, each time long before it would end.
        while len(ends) < 3:
            with pytest.raises(UploadBusy):
                async with others.hold(KEY):
                    pytest.fail("the hold was not renewed")
            await asyncio.sleep(LOOK_S)
            ends.add(await _end(database))


async def test_what_was_done_while_the_hold_was_lost_is_not_told_of_as_done(database: Database) -> None:
    holds = DatabaseUploadHolds(database)

    with pytest.raises(UploadBusy):
        async with holds.hold(KEY):
            # As when this process stood still for longer than the hold lasts.
            await _taken_by_another(database, "elsewhere")


async def test_who_lost_the_hold_is_stopped(database: Database) -> None:
    holds = DatabaseUploadHolds(database, SHORT_S)

    async def working() -> None:
        async with holds.hold(KEY):
            await _taken_by_another(database, "elsewhere")
            await asyncio.Event().wait()

    with pytest.raises(UploadBusy):
        await working()


async def test_the_hold_of_a_process_that_died_on_this_machine_is_free_at_once(database: Database) -> None:
    with owning_process() as (process, name):
        await _taken_by_another(database, name)
        with pytest.raises(UploadBusy):
            async with DatabaseUploadHolds(database).hold(KEY):
                pytest.fail("its process lives")
        process.kill()
        process.wait()

        async with DatabaseUploadHolds(database).hold(KEY):
            pass


async def test_an_error_in_the_block_is_told_as_it_is(database: Database) -> None:
    holds = DatabaseUploadHolds(database)

    with pytest.raises(TimeoutError, match="theirs"):
        async with holds.hold(KEY):
            raise TimeoutError("theirs")
    async with holds.hold(KEY):
        pass


@pytest.mark.parametrize(
    ("raised", "told"),
    [(None, DatabaseBusy), (KeyError(), KeyError), (asyncio.CancelledError(), asyncio.CancelledError)],
)
async def test_what_was_done_is_not_told_of_as_done_where_nobody_else_could_go_on(
    sqlite_url: str, raised: BaseException | None, told: type[BaseException]
) -> None:
    file = database_file(sqlite_url)
    async with SqliteDatabase(file, busy_timeout_s=1.0) as database:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:

            async def working() -> None:
                async with DatabaseUploadHolds(database).hold(KEY):
                    # This node loses the database before it can give the hold back.
                    other.execute("BEGIN IMMEDIATE")
                    if raised is not None:
                        raise raised

            with pytest.raises(told):
                await working()
            other.execute("ROLLBACK")


async def test_holds_that_nobody_comes_back_for_are_forgotten(database: Database) -> None:
    hold = UploadHold("elsewhere", "token", now() - timedelta(hours=1))
    await database.write(lambda tx: tx.upload_holds.acquire(KEY, hold, now=now() - timedelta(hours=2)))

    assert await forget_ended(database) == 1
    assert await forget_ended(database) == 0


async def _end(database: Database) -> datetime:
    hold = await database.read(lambda tx: tx.upload_holds.find(KEY))
    assert hold is not None
    return hold.until


async def _taken_by_another(database: Database, owner: str) -> None:
    hold = UploadHold(owner, "theirs", now() + timedelta(minutes=1))
    await database.write(lambda tx: tx.upload_holds.acquire(KEY, hold, now=now() + timedelta(minutes=1)))
