"""Running a periodic job on one process at a time, whichever of all workers and nodes that is.

Every process runs every job's loop; the lease row in the database lets one of them do the work. A process that dies
while it holds a lease is followed by another once the lease ends.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
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
    """Some periodic work: `run` does what is due now, `interval_s` after it last ended.

    A process owns the job for `lease_s` seconds at a time, and for longer by asking again: that long the others wait
    when it dies.
    """

    name: str
    interval_s: float
    run: Callable[[Services], Awaitable[None]]
    lease_s: float = limits.JOB_LEASE_S


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


async def run_once(services: Services, job: Job) -> bool:
    """Do the job now if no other process owns it; whether it was done. What it raises is the caller's."""
    lease = _Lease(services.database, job)
    if not await lease.hold():
        return False
    try:
        async with lease.kept():
            await job.run(services)
    except _LeaseLost:
        return False
    finally:
        await lease.release()
    return True


async def _attempt(services: Services, job: Job, lease: _Lease) -> None:
    try:
        if await lease.hold():
            async with lease.kept():
                await job.run(services)
    except _LeaseLost:
        _log.warning("job stopped: its lease is lost", job=job.name)
    except (RegistryError, StorageError) as error:
        _log.warning("job failed", job=job.name, error=repr(error), cause=getattr(error, "cause", None))
    except Exception:  # noqa: BLE001 - the outermost loop of a job: a defect in one run must not end all later ones
        _log.exception("job failed", job=job.name)


class _LeaseLost(Exception):
    """Another process may run the job now."""


class _Lease:
    """This process's hold on a job. Asking again costs a write only when the lease is free or half spent."""

    def __init__(self, database: Database, job: Job) -> None:
        self._database = database
        self._name = job.name
        self._owner = f"{socket.gethostname()}:{os.getpid()}"
        self._span = timedelta(seconds=max(job.lease_s, 3 * job.interval_s))
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

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep the lease that is held for as long as the body runs, and stop the body where that cannot be done.

        Two processes at the same work would each undo what the other knows better, so it ends before the lease does.

        Raises:
            _LeaseLost: the body was stopped.
        """
        limit = asyncio.timeout(self._safe_s())
        renewal = asyncio.create_task(self._renew(limit))
        try:
            async with limit:
                yield
        except TimeoutError:
            if limit.expired():
                raise _LeaseLost from None
            raise
        finally:
            renewal.cancel()
            await asyncio.wait((renewal,))

    async def release(self) -> None:
        """Let another process go on at once."""
        if self._token is not None:
            await self._database.write(_release, self._name, self._token)
            self._token = None

    async def _renew(self, limit: asyncio.Timeout) -> None:
        while True:
            await asyncio.sleep(self._span.total_seconds() / 4)
            # A database that does not answer may do so at the next turn; the limit stands until then.
            with suppress(RegistryError):
                safe_s = self._safe_s() if await self.hold() else 0
                if limit.expired():
                    return
                limit.reschedule(asyncio.get_running_loop().time() + safe_s)

    def _safe_s(self) -> float:
        """For how long the lease certainly holds, with some time to stop and for clocks that differ."""
        return (self._until - now() - self._span / 10).total_seconds()


def _ends_at(tx: Transaction, name: str) -> datetime | None:
    return tx.leases.ends_at(name)


def _extend(tx: Transaction, name: str, owner: str, token: int | None, *, until: datetime) -> int | None:
    if token is not None and tx.leases.renew(name, token, until=until):
        return token
    return tx.leases.acquire(name, owner, until=until, now=now())


def _release(tx: Transaction, name: str, token: int) -> None:
    tx.leases.release(name, token)
