"""Collecting garbage every `gc.interval_s`."""

from __future__ import annotations

from registry.jobs.leased import Job
from registry.observability.logging import logger
from registry.services import garbage_collection
from registry.services.context import Services, Settings
from registry.services.garbage_report import GarbageKind

NAME = "garbage-collection"

_log = logger(__name__)


def job(settings: Settings) -> Job:
    """The job, which runs as often as it is configured to."""
    return Job(NAME, interval_s=settings.gc_interval_s, run=run)


async def run(services: Services) -> None:
    """Remove all garbage there is now; the bytes of blobs are removed by the writing behind."""
    report = await garbage_collection.collect(services)
    if report.totals:
        manifests, links, blobs = (report.total(kind) for kind in GarbageKind)
        _log.info(
            "garbage collected", manifests=manifests.count, links=links.count, blobs=blobs.count, bytes=blobs.size
        )
