"""Whether the registry runs, as its jobs' leases tell."""

from __future__ import annotations

from registry.metadata.transaction import Transaction
from registry.services.context import Services, now
from registry.services.owner import has_died


async def owned_jobs(services: Services) -> list[str]:
    """The names of the jobs that some process, here or elsewhere, owns now.

    A process that was killed on another machine counts for as long as its leases last.
    """
    held = await services.database.read(_held)
    return [name for name, owner in held if not has_died(owner)]


def _held(tx: Transaction) -> list[tuple[str, str]]:
    return tx.leases.held(now())
