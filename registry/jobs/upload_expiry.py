"""Removing upload sessions that their clients have abandoned."""

from __future__ import annotations

from registry.jobs.leased import Job
from registry.services import upload_expiry
from registry.services.context import Services, now

_BATCH = 100


async def run(services: Services) -> None:
    """Remove every session that has expired, a batch at a time."""
    moment = now()
    while await upload_expiry.expire(services, moment, _BATCH) == _BATCH:
        pass
    await upload_expiry.reap(services, moment)


JOB = Job("upload-expiry", interval_s=60, run=run)
