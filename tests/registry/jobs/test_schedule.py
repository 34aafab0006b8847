"""All periodic work of a process together."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime

from oci_spec.reference import Tag
from registry.jobs import garbage_collection, schedule
from registry.metadata.transaction import Transaction
from registry.services import pull
from registry.services.context import Services, Settings, now
from tests.registry.assembly import ON_SQLITE, access_to
from tests.registry.pushing import Pusher

ACCESS = access_to("team/app")


def test_jobs_have_names_of_their_own() -> None:
    names = [job.name for job in schedule.JOBS]

    assert len(set(names)) == len(names) >= 3


@ON_SQLITE
async def test_a_process_that_stops_writes_what_it_still_has_to_write_and_frees_every_job(services: Services) -> None:
    await Pusher.to(services, "team/app").image("1")
    running = asyncio.create_task(schedule.run(services, asyncio.Event()))
    while await services.database.read(lambda tx: tx.outbox.pending(1)):
        assert not running.done()
    pull.note(services, await pull.manifest(services, ACCESS, Tag.parse("1")))

    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running

    assert running.cancelled()
    assert await services.database.read(_pulled_at) is not None
    for until in await services.database.read(_ends):
        assert until is None or until < now()


@ON_SQLITE
async def test_another_interval_of_the_collection_holds_at_once(services: Services) -> None:
    services.settings = Settings(gc_interval_s=86_400)
    changed = asyncio.Event()
    running = asyncio.create_task(schedule.run(services, changed))
    while await services.database.read(_times_begun) == 0:
        assert not running.done()

    # What else is changed is no reason to begin anew.
    services.settings = Settings(gc_interval_s=86_400, keep_untagged=True)
    changed.set()
    while changed.is_set():
        assert await services.database.read(_times_begun) == 1
    services.settings = Settings(gc_interval_s=1)
    changed.set()

    while await services.database.read(_times_begun) == 1:
        assert not running.done()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def _times_begun(tx: Transaction) -> int:
    """How often the collection's loop has taken its lease."""
    lease = tx.leases.find(garbage_collection.NAME)
    return 0 if lease is None else lease.token


def _ends(tx: Transaction) -> list[datetime | None]:
    return [tx.leases.ends_at(job.name) for job in schedule.JOBS]


def _pulled_at(tx: Transaction) -> datetime | None:
    repository = tx.repositories.find(ACCESS.repository)
    assert repository is not None
    tag = tx.tags.current(repository.id, Tag.parse("1"))
    assert tag is not None
    return tag.pulled_at
