"""Writing behind: what the outbox tells of is copied into small objects beside the blobs."""

from __future__ import annotations

import asyncio

from registry.jobs.leased import Job, run_once
from registry.metadata.transaction import Transaction
from registry.services import index_objects
from registry.services.context import Services

_TURN_S = 0.1


async def run(services: Services) -> None:
    """Bring the index objects up to the last committed change."""
    while await index_objects.write_behind(services):
        pass


JOB = Job("index-objects", interval_s=1, run=run)


async def catch_up(services: Services) -> None:
    """Return when all that was committed before the call is written behind: here, or where the job is running.

    Raises:
        StorageError: the store refused.
    """
    newest = await services.database.read(_newest)
    while newest is not None and await services.database.read(_is_behind, newest):
        if not await run_once(services, JOB):
            await asyncio.sleep(_TURN_S)


def _newest(tx: Transaction) -> int | None:
    return tx.outbox.newest_pending()


def _is_behind(tx: Transaction, newest: int) -> bool:
    return any(event.id <= newest for event in tx.outbox.pending(1))
