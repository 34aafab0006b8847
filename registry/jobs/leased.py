"""Running a periodic job on one process at a time, whichever of all workers and nodes that is.

Every process runs every job's loop; the lease row in the database lets one of them do the work. A process that dies
while it holds a lease is followed by another once the lease ends.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from registry import limits
from registry.errors import RegistryError
from registry.metadata.database import Database
from registry.metadata.transaction import Transaction
from registry.services.context import Services, now
from storage_backends.errors import StorageError

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Some periodic work: `run` does what is due now, `interval_s` after it last ended."""

    name: str
    interval_s: float
    run: Callable[[Services], Awaitable[None]]


async def repeat(services: Services, job: Job) -> None:
    """Do the job again and again, here while this process holds its lease, until cancelled.

    A run that fails is logged and tried again at the next turn: no fault of a disk or database ends the loop.
    """
    lease = _Lease(services.database, job)
    try:
        while True:
            await _attempt(services, job, lease)
            await asyncio.sleep(job.interval_s)
    finally:
        # Others need not wait for the lease to run out. A database that is gone frees it by time.
        with suppress(RegistryError):
            await lease.release()


async def _attempt(services: Services, job: Job, lease: _Lease) -> None:
    try:
        if await lease.hold():
            await job.run(services)
    except (RegistryError, StorageError) as error:
        _log.warning("job failed", job=job.name, error=repr(error), cause=getattr(error, "cause", None))
    except Exception:  # noqa: BLE001 - the outermost loop of a job: a defect in one run must not end all later ones
        _log.exception("job failed", job=job.name)


class _Lease:
    """This process's hold on a job. Asking again costs a write only when the lease is free or half spent."""

    def __init__(self, database: Database, job: Job) -> None:
        self._database = database
        self._name = job.name
        self._owner = f"{socket.gethostname()}:{os.getpid()}"
        self._span = timedelta(seconds=max(limits.JOB_LEASE_S, 3 * job.interval_s))
        self._token: int | None = None
        self._until = _LONG_AGO

    async def hold(self) -> bool:
        """Whether this process may run the job now."""
        moment = now()
        if self._token is not None and self._until - moment > self._span / 2:
            return True
        if self._token is None and (await self._database.read(_ends_at, self._name) or moment) > moment:
            return False
        self._token = await self._database.write(
            _extend, self._name, self._owner, self._token, until=moment + self._span
        )
        self._until = moment + self._span
        return self._token is not None

    async def release(self) -> None:
        """Let another process go on at once."""
        if self._token is not None:
            await self._database.write(_release, self._name, self._token)
            self._token = None


def _ends_at(tx: Transaction, name: str) -> datetime | None:
    return tx.leases.ends_at(name)


def _extend(tx: Transaction, name: str, owner: str, token: int | None, *, until: datetime) -> int | None:
    if token is not None and tx.leases.renew(name, token, until=until):
        return token
    return tx.leases.acquire(name, owner, until=until, now=now())


def _release(tx: Transaction, name: str, token: int) -> None:
    tx.leases.release(name, token)
