"""Writing behind: what the outbox tells of is copied into small objects beside the blobs."""

from __future__ import annotations

from registry.jobs.leased import Job
from registry.services import index_objects
from registry.services.context import Services


async def run(services: Services) -> None:
    """Bring the index objects up to the last committed change."""
    while await index_objects.write_behind(services):
        pass


JOB = Job("index-objects", interval_s=1, run=run)
