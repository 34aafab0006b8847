"""Jobs under a lease: one process at a time, and another when that one goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from registry.errors import DatabaseBusy
from registry.jobs.leased import Job, repeat, run_once
from registry.metadata.transaction import Transaction
from registry.services.context import Services, now
from registry.services.owner import this_process
from storage_backends.errors import StorageUnavailable
from tests.registry.assembly import ON_SQLITE, OpenWorker
from tests.registry.services.owning import owning_process

# Between two turns of a job.
MOMENT_S = 0.005
# Renewed after a quarter of it, and long enough for that to be in time on a machine that is busy with other tests.
LEASE_S = 8.0
# One that is waited for until it ends.
SHORT_LEASE_S = 1.0
# Between two looks at what happens by and by.
LOOK_S = 0.02


@asynccontextmanager
async def repeated(services: Services, job: Job) -> AsyncIterator[asyncio.Task[None]]:
    """The job's loop, running until the context ends."""
    task = asyncio.create_task(repeat(services, job))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def ends_at(services: Services) -> datetime | None:
    return await services.database.read(lambda tx: tx.leases.ends_at("job"))


async def owner_that_was_killed() -> str:
    with owning_process() as (process, name):
        process.kill()
        await asyncio.to_thread(process.wait)
    return name


class Work:
    """What a job does: it says who began it, and goes on until the test lets it end."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[Services] = asyncio.Queue()
        self.may_end = asyncio.Event()
        self.running = 0
        self.most_running = 0
        self.stopped = asyncio.Event()

    async def run(self, services: Services) -> None:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.begun.put_nowait(services)
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.stopped.set()
            raise
        finally:
            self.running -= 1


async def test_one_process_does_the_work_and_the_others_wait(open_worker: OpenWorker) -> None:
    workers = [await open_worker() for _ in range(3)]
    turns: list[Services] = []
    enough = asyncio.Event()

    async def run(services: Services) -> None:
        turns.append(services)
        if len(turns) == 10:
            enough.set()

    job = Job("job", MOMENT_S, run)
    async with repeated(workers[0], job), repeated(workers[1], job), repeated(workers[2], job):
        await enough.wait()

    assert len(set(map(id, turns))) == 1


async def test_a_process_that_stops_leaves_the_job_to_another_at_once(open_worker: OpenWorker) -> None:
    here, there = await open_worker(), await open_worker()
    work = Work()
    job = Job("job", MOMENT_S, work.run)

    async with repeated(here, job):
        assert await work.begun.get() is here
        async with repeated(there, job):
            held = await ends_at(here)
            assert held is not None
            assert held > now()
    released = await ends_at(there)
    assert released is not None
    assert released < now()
    async with repeated(there, job):
        assert await work.begun.get() is there
    assert work.most_running == 1


async def test_a_loop_that_is_stopped_while_it_takes_the_job_leaves_it_to_another_at_once(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, reclaim = Work(), services.database.reclaim
    taken = asyncio.Event()

    async def slow(unit: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        result = await reclaim(unit, *args, **kwargs)
        taken.set()
        # Long enough for who asked to be stopped before it hears what was done.
        await asyncio.sleep(0)
        return result

    with monkeypatch.context() as patched:
        patched.setattr(services.database, "reclaim", slow)
        async with repeated(services, Job("job", 0, work.run)):
            await taken.wait()

    assert work.begun.empty()
    async with repeated(services, Job("job", 0, work.run)):
        assert await work.begun.get() is services


async def test_a_process_that_died_is_followed_when_its_lease_ends(services: Services) -> None:
    until = now() + timedelta(seconds=0.3)
    await services.database.write(lambda tx: tx.leases.acquire("job", "a dead process", until=until, now=now()))
    begun: list[datetime] = []
    work = Work()

    async def run(_: Services) -> None:
        begun.append(now())
        await work.run(services)

    async with repeated(services, Job("job", MOMENT_S, run)):
        await work.begun.get()

    assert begun[0] >= until


async def test_a_job_of_a_process_that_was_killed_on_this_machine_goes_on_at_once(services: Services) -> None:
    owner = await owner_that_was_killed()
    hours_ahead = now() + timedelta(hours=5)
    await services.database.write(lambda tx: tx.leases.acquire("job", owner, until=hours_ahead, now=now()))
    work = Work()

    async with repeated(services, Job("job", MOMENT_S, work.run)):
        await work.begun.get()

    work.may_end.set()
    await services.database.write(lambda tx: tx.leases.acquire("job", owner, until=hours_ahead, now=now()))
    assert await run_once(services, Job("job", MOMENT_S, work.run))


async def test_a_job_of_another_process_of_this_machine_is_left_to_it(services: Services) -> None:
    hour_ahead = now() + timedelta(hours=1)
    await services.database.write(lambda tx: tx.leases.acquire("job", this_process(), until=hour_ahead, now=now()))

    assert not await run_once(services, Job("job", MOMENT_S, Work().run))


@ON_SQLITE
async def test_a_rest_that_takes_longer_than_a_lease_keeps_it(open_worker: OpenWorker) -> None:
    here, there = await open_worker(), await open_worker()
    work = Work()
    work.may_end.set()
    job = Job("job", 3600, work.run, lease_s=LEASE_S)

    async with repeated(here, job):
        assert await work.begun.get() is here
        first_end = await ends_at(here)
        assert first_end is not None
        async with repeated(there, job):
            while await ends_at(there) == first_end:
                assert now() < first_end
                await asyncio.sleep(LOOK_S)

            assert work.begun.empty()


@ON_SQLITE
async def test_a_job_that_is_seldom_done_waits_for_a_dead_process_no_longer_than_its_lease(services: Services) -> None:
    until = now() + timedelta(seconds=0.3)
    await services.database.write(lambda tx: tx.leases.acquire("job", "a dead process", until=until, now=now()))
    work = Work()

    async with repeated(services, Job("job", 3600, work.run)):
        await work.begun.get()


@ON_SQLITE
async def test_a_run_that_takes_longer_than_a_lease_keeps_it(open_worker: OpenWorker) -> None:
    here, there = await open_worker(), await open_worker()
    work = Work()
    job = Job("job", MOMENT_S, work.run, lease_s=LEASE_S)

    async with repeated(here, job):
        await work.begun.get()
        first_end = await ends_at(here)
        assert first_end is not None
        async with repeated(there, job):
            while await ends_at(there) == first_end:
                assert now() < first_end
                await asyncio.sleep(LOOK_S)

            assert work.begun.empty()
            assert not work.stopped.is_set()
    assert work.most_running == 1


def taken_by_another(tx: Transaction, until: datetime) -> bool:
    """At one go: in between, the job's own loop would take it again."""
    return tx.leases.release("job", 1) and tx.leases.acquire("job", "other", until=until, now=now()) is not None


@ON_SQLITE
async def test_a_run_whose_lease_was_lost_is_stopped(services: Services) -> None:
    work = Work()

    async with repeated(services, Job("job", MOMENT_S, work.run, lease_s=LEASE_S)):
        await work.begun.get()
        with capture_logs() as logs:
            # As after this process was held up for so long that another one took over.
            later = now() + timedelta(hours=1)
            assert await services.database.write(taken_by_another, later)
            await work.stopped.wait()
            while not logs:
                await ends_at(services)

        assert [entry["event"] for entry in logs] == ["job stopped: its lease is lost"]
        assert await ends_at(services) == later


@ON_SQLITE
async def test_a_run_whose_lease_cannot_be_renewed_is_stopped(services: Services) -> None:
    work = Work()

    async with repeated(services, Job("job", MOMENT_S, work.run, lease_s=SHORT_LEASE_S)):
        await work.begun.get()
        await services.database.close()

        await work.stopped.wait()


@ON_SQLITE
@pytest.mark.parametrize(
    "error", [DatabaseBusy("locked"), StorageUnavailable(OSError("gone")), KeyError("a defect"), TimeoutError()]
)
async def test_a_run_that_fails_is_told_and_tried_again(services: Services, error: Exception) -> None:
    turns: asyncio.Queue[None] = asyncio.Queue()

    async def run(_: Services) -> None:
        turns.put_nowait(None)
        raise error

    with capture_logs() as logs:
        async with repeated(services, Job("job", MOMENT_S, run)) as task:
            for _ in range(3):
                await turns.get()
            assert not task.done()

    assert {entry["event"] for entry in logs} == {"job failed"}
    assert {entry["job"] for entry in logs} == {"job"}


@ON_SQLITE
async def test_asking_again_for_a_lease_that_is_held_writes_nothing(services: Services) -> None:
    turns: asyncio.Queue[datetime | None] = asyncio.Queue()

    async def run(_: Services) -> None:
        turns.put_nowait(await ends_at(services))

    async with repeated(services, Job("job", MOMENT_S, run, lease_s=60)):
        ends = {await turns.get() for _ in range(5)}

    assert len(ends) == 1


@ON_SQLITE
async def test_jobs_of_other_names_do_not_wait_for_each_other(services: Services) -> None:
    one, two = Work(), Work()

    async with repeated(services, Job("one", MOMENT_S, one.run)), repeated(services, Job("two", MOMENT_S, two.run)):
        await one.begun.get()
        await two.begun.get()


@ON_SQLITE
async def test_a_lease_that_ended_long_ago_is_free(services: Services) -> None:
    past = datetime(2001, 1, 1, tzinfo=UTC)
    await services.database.write(lambda tx: tx.leases.acquire("job", "other", until=past, now=past))
    work = Work()

    async with repeated(services, Job("job", MOMENT_S, work.run)):
        await work.begun.get()
