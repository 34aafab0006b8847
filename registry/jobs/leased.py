"""Running a periodic job on one process at a time, whichever of all workers and nodes that is.

Every process runs every job's loop; the lease row in the database lets one of them do the work, and keep it for the
next time. A process that dies while it holds a lease is followed by another: at once by one that starts on the same
machine, where it is seen to be dead, and everywhere once the lease ends, which nobody renews any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from registry import limits
from registry.errors import RegistryError
from registry.metadata.database import Database
from registry.metadata.rows import JobLease
from registry.metadata.transaction import Transaction
from registry.observability.logging import logger
from registry.observability.recurring import RecurringFaults
from registry.services.context import Services, now
from registry.services.owner import has_died, this_process
from storage_backends.errors import StorageError

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Some periodic work: `run` does what is due now, `interval_s` after it last ended.

    A process owns the job for `lease_s` seconds at a time, and for longer by asking again, also while it rests: that
    long the others wait when its machine dies, however seldom the work is done.
    """

    name: str
    interval_s: float
    run: Callable[[Services], Awaitable[None]]
    lease_s: float = limits.JOB_LEASE_S


async def repeat(services: Services, job: Job) -> None:
    """Do the job again and again, here while this process holds its lease, until cancelled.

    A run that fails is logged and tried again at the next turn: no fault of a disk or database ends the loop.
    """
    lease, faults = _Lease(services.database, job), RecurringFaults(_log)
    try:
        while True:
            await _turn(services, job, lease, faults)
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


async def _turn(services: Services, job: Job, lease: _Lease, faults: RecurringFaults) -> None:
    """Do the job and rest, and own it meanwhile; or wait for as long as another process certainly owns it."""
    try:
        if not await lease.hold():
            await asyncio.sleep(min(job.interval_s, lease.free_in_s()))
            return
        async with lease.kept():
            await _run(services, job, faults)
    except _LeaseLost:
        _log.warning("job stopped: its lease is lost", job=job.name)
    except RegistryError as error:
        # The database does not say whose the job is.
        faults.warn("job failed", error, job=job.name)
        await asyncio.sleep(min(job.interval_s, job.lease_s))
        return
    with suppress(_LeaseLost):
        async with lease.kept():
            await asyncio.sleep(job.interval_s)


async def _run(services: Services, job: Job, faults: RecurringFaults) -> None:
    try:
        await job.run(services)
    except (RegistryError, StorageError) as error:
        faults.warn("job failed", error, job=job.name)
    except Exception:  # noqa: BLE001 - the outermost loop of a job: a defect in one run must not end all later ones
        _log.exception("job failed", job=job.name)


class _LeaseLost(Exception):
    """Another process may run the job now."""


class _Lease:
    """This process's hold on a job. Asking again costs a write only when the lease is free or half spent."""

    def __init__(self, database: Database, job: Job) -> None:
        self._database = database
        self._name = job.name
        self._owner = this_process()
        self._span = timedelta(seconds=job.lease_s)
        self._token: int | None = None
        self._until = _LONG_AGO

    async def hold(self) -> bool:
        """Whether this process may run the job now."""
        moment = now()
        if self._token is not None and self._until - moment > self._span / 2:
            return True
        dead: int | None = None
        other = await self._database.read(_find, self._name) if self._token is None else None
        if other is not None and other.until > moment:
            # Two small files of /proc: memory, no disk.
            if not has_died(other.owner):
                self._until = other.until
                return False
            dead = other.token
        until = moment + self._span
        asked = self._database.reclaim(_take, self._name, self._owner, self._token, dead=dead, until=until)
        if self._token is None:
            await self._hear(asyncio.ensure_future(asked))
        else:
            self._token = await asked
        self._until = until
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

    def free_in_s(self) -> float:
        """How long another process, which holds the job, may do so without renewing its lease."""
        return max(0.0, (self._until - now()).total_seconds())

    async def release(self) -> None:
        """Let another process go on at once."""
        if self._token is not None:
            await self._database.reclaim(_release, self._name, self._token)
            self._token = None

    async def _hear(self, taken: asyncio.Future[int | None]) -> None:
        """Learn whether the lease was got, also when that is all that is still wanted of it: to release it."""
        try:
            self._token = await asyncio.shield(taken)
        except asyncio.CancelledError:
            with suppress(RegistryError):
                self._token = await taken
            raise

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


def _find(tx: Transaction, name: str) -> JobLease | None:
    return tx.leases.find(name)


def _take(
    tx: Transaction, name: str, owner: str, token: int | None, *, dead: int | None, until: datetime
) -> int | None:
    """Renew the lease that is held by `token`, or acquire it, also while `dead`, whose process has died, holds it."""
    if token is not None and tx.leases.renew(name, token, until=until):
        return token
    if dead is not None:
        tx.leases.release(name, dead)
    return tx.leases.acquire(name, owner, until=until, now=now())


def _release(tx: Transaction, name: str, token: int) -> None:
    tx.leases.release(name, token)
