"""Removing credentials that expired a while ago: tokens, and those of clients that stayed logged in."""

from __future__ import annotations

from datetime import datetime, timedelta

from registry import limits
from registry.jobs.leased import Job
from registry.metadata.transaction import Transaction
from registry.services.context import Services, now

_BATCH = 1000


async def run(services: Services) -> None:
    """Remove what is due, a batch a transaction, so that pushes never wait long for it."""
    before = now() - timedelta(seconds=limits.EXPIRED_CREDENTIAL_S)
    while await services.database.reclaim(_remove, before) == _BATCH:
        pass


def _remove(tx: Transaction, before: datetime) -> int:
    return tx.credentials.remove_expired(before, _BATCH)


JOB = Job("credential-expiry", interval_s=3600, run=run)
