"""The outbox is trimmed of what was told and is old, and of nothing else."""

from __future__ import annotations

from datetime import timedelta

from registry.jobs import event_retention
from registry.metadata.transaction import Transaction
from registry.services.context import Services, now
from tests.registry.assembly import ON_SQLITE, OpenWorker

pytestmark = ON_SQLITE


async def record(services: Services, count: int, age_s: float, *, is_told: bool) -> list[int]:
    moment = now() - timedelta(seconds=age_s)

    def append(tx: Transaction) -> list[int]:
        ids = [tx.outbox.append("tag.moved", {"number": number}, moment) for number in range(count)]
        if is_told:
            tx.outbox.mark_indexed(ids, moment)
        return ids

    return await services.database.write(append)


async def test_only_what_was_told_and_is_old_is_removed(open_worker: OpenWorker) -> None:
    services = await open_worker(event_retention_s=100)
    untold_old = await record(services, 2, 110, is_told=False)
    await record(services, 2, 110, is_told=True)
    untold_new = await record(services, 2, 90, is_told=False)
    await record(services, 2, 90, is_told=True)

    await event_retention.run(services)

    pending = await services.database.read(lambda tx: tx.outbox.pending(100))
    assert [event.id for event in pending] == untold_old + untold_new
    # Nothing told and old is left to trim, and of the newer ones both are still there.
    assert await services.database.write(lambda tx: tx.outbox.trim(now() - timedelta(seconds=100), 100)) == 0
    assert await services.database.write(lambda tx: tx.outbox.trim(now(), 100)) == 2


async def test_more_than_one_batch_is_removed_in_one_run(open_worker: OpenWorker) -> None:
    services = await open_worker(event_retention_s=0)
    await record(services, 2500, 10, is_told=True)

    await event_retention.run(services)

    assert await services.database.write(lambda tx: tx.outbox.trim(now(), 10_000)) == 0
