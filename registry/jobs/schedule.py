"""All periodic work of a serving process."""

from __future__ import annotations

import asyncio

from registry.errors import RegistryError
from registry.jobs import (
    audit_retention,
    credential_expiry,
    event_retention,
    garbage_collection,
    index_objects,
    upload_expiry,
)
from registry.jobs.leased import repeat
from registry.observability.logging import logger
from registry.observability.recurring import RecurringFaults
from registry.services.context import Services

# Those that run as often everywhere; how often garbage is collected is configured.
JOBS = (upload_expiry.JOB, index_objects.JOB, event_retention.JOB, audit_retention.JOB, credential_expiry.JOB)

_GATHERED_S = 5

_log = logger(__name__)


async def run(services: Services, settings_changed: asyncio.Event) -> None:
    """Run every job until cancelled; what this process still has to write is written before it returns.

    `settings_changed` is to be set when the services have other settings than before.
    """
    async with asyncio.TaskGroup() as tasks:
        for job in JOBS:
            tasks.create_task(repeat(services, job), name=job.name)
        tasks.create_task(_collect_garbage(services, settings_changed), name="garbage")
        tasks.create_task(_write_gathered(services), name="gathered")


async def _collect_garbage(services: Services, settings_changed: asyncio.Event) -> None:
    """Run the collection as often as it is configured, from the moment on in which that changes."""
    while True:
        job = garbage_collection.job(services.settings)
        async with asyncio.TaskGroup() as tasks:
            collecting = tasks.create_task(repeat(services, job), name=job.name)
            while services.settings.gc_interval_s == job.interval_s:
                await settings_changed.wait()
                settings_changed.clear()
            collecting.cancel()


async def _write_gathered(services: Services) -> None:
    """Write this process's own pull times, refusals and uses of credentials, for which no lease is needed."""
    faults = RecurringFaults(_log)
    try:
        while True:
            await asyncio.sleep(_GATHERED_S)
            await _flush(services, faults)
    finally:
        await _flush(services, faults)


async def _flush(services: Services, faults: RecurringFaults) -> None:
    gathered = (
        ("pull times lost", services.pulls.flush),
        ("refusals not recorded", services.refusals.flush),
        ("uses of credentials lost", services.credential_uses.flush),
    )
    for event, flush in gathered:
        try:
            await flush(services.database)
        except RegistryError as error:
            faults.warn(event, error)
        except Exception:  # noqa: BLE001 - an outermost loop: a defect in one turn must not end all jobs of the process
            _log.exception(event)
