"""Removing entries of the audit log that are older than `audit.retention_s`."""

from __future__ import annotations

from datetime import timedelta

from registry import limits
from registry.jobs.leased import Job
from registry.services import audit
from registry.services.context import Services, now


async def run(services: Services) -> None:
    """Remove what is due, a batch a transaction, so that pushes never wait long for it."""
    retention_s = services.settings.audit_retention_s
    if not retention_s:
        return
    before = now() - timedelta(seconds=retention_s)
    while await audit.trim(services, before) == limits.AUDIT_BATCH:
        pass


JOB = Job("audit-retention", interval_s=300, run=run)
