"""All periodic work of a process together."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime

from oci_spec.reference import Tag
from registry.jobs import schedule
from registry.metadata.transaction import Transaction
from registry.services import pull
from registry.services.context import Services, now
from tests.registry.assembly import ON_SQLITE, access_to
from tests.registry.pushing import Pusher

ACCESS = access_to("team/app")


def test_jobs_have_names_of_their_own() -> None:
    names = [job.name for job in schedule.JOBS]

    assert len(set(names)) == len(names) >= 3


@ON_SQLITE
async def test_a_process_that_stops_writes_what_it_still_has_to_write_and_frees_every_job(services: Services) -> None:
    await Pusher.to(services, "team/app").image("1")
    running = asyncio.create_task(schedule.run(services))
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


def _ends(tx: Transaction) -> list[datetime | None]:
    return [tx.leases.ends_at(job.name) for job in schedule.JOBS]


def _pulled_at(tx: Transaction) -> datetime | None:
    repository = tx.repositories.find(ACCESS.repository)
    assert repository is not None
    tag = tx.tags.current(repository.id, Tag.parse("1"))
    assert tag is not None
    return tag.pulled_at
