"""Trimming the outbox of changes that have been told and are older than `events.retention_s`."""

from __future__ import annotations

from datetime import datetime, timedelta

from registry.jobs.leased import Job
from registry.metadata.transaction import Transaction
from registry.services.context import Services, now

_BATCH = 1000


async def run(services: Services) -> None:
    """Remove what is due, a batch a transaction, so that pushes never wait long for it."""
    before = now() - timedelta(seconds=services.settings.event_retention_s)
    while await services.database.reclaim(_trim, before) == _BATCH:
        pass


def _trim(tx: Transaction, before: datetime) -> int:
    return tx.outbox.trim(before, _BATCH)


JOB = Job("event-retention", interval_s=300, run=run)
