"""Leases that last as long as the work that builds on them, however long it takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime

from oci_spec.reference import RepositoryName
from registry import limits
from registry.auth.access import Access
from registry.errors import Unavailable
from registry.metadata.transaction import Transaction
from registry.services.context import Services, lease_from, now

_PAUSE_S = limits.LEASE_S / 4


@asynccontextmanager
async def kept(services: Services, access: Access) -> AsyncIterator[None]:
    """While the block runs, let no lease end that was given in the repository since it began.

    A positive answer leaves at least half of a lease, so to renew them every quarter is soon enough.
    """
    # No TaskGroup, which would hand on the block's own errors in a group.
    renewing = asyncio.create_task(_renew(services, access.repository, now()))
    try:
        yield
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing


async def _renew(services: Services, repository: RepositoryName, since: datetime) -> None:
    while True:
        await asyncio.sleep(_PAUSE_S)
        # A database that takes no writes now may do so the next time, long before the leases end.
        with suppress(Unavailable):
            await services.database.write(_renew_since, repository, since)


def _renew_since(tx: Transaction, repository: RepositoryName, since: datetime) -> None:
    row = tx.repositories.find(repository)
    if row is not None:
        until = lease_from(now())
        tx.blobs.renew_since(row.id, since, until)
        tx.manifests.lease_since(row.id, since, until)
