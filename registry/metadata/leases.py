"""Leases of jobs: who may run one now, among all workers and nodes."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import bindparam, select, update

from registry.metadata.rows import JobLease, NamedLease
from registry.metadata.schema import job_lease
from registry.metadata.statements import Runner, insert

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_ACQUIRE = insert(
    job_lease,
    lambda new: new.on_conflict_do_update(
        index_elements=["name"],
        set_={"owner": new.excluded.owner, "until": new.excluded.until, "token": job_lease.c.token + 1},
        where=job_lease.c.until <= bindparam("now", type_=job_lease.c.until.type),
    ).returning(job_lease.c.token),
)
_LEASE = select(job_lease.c.owner, job_lease.c.until, job_lease.c.token).where(
    job_lease.c.name == bindparam("this_name")
)
_HELD = (
    select(job_lease.c.name, job_lease.c.owner)
    .where(job_lease.c.until > bindparam("now", type_=job_lease.c.until.type))
    .order_by(job_lease.c.name)
)
_ALL = select(job_lease.c.name, job_lease.c.owner, job_lease.c.until).where(job_lease.c.owner != "")
_ALL = _ALL.order_by(job_lease.c.name)
_SET_END = update(job_lease).where(
    job_lease.c.name == bindparam("this_name"), job_lease.c.token == bindparam("this_token")
)


class Leases:
    """The leases of the registry's jobs."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def acquire(self, name: str, owner: str, *, until: datetime, now: datetime) -> int | None:
        """Take the lease `name` if nobody holds it at `now`, and give its token; None when somebody does.

        Tokens of one name only grow, so the latest holder is the one with the largest.
        """
        values = {"name": name, "owner": owner, "until": until, "token": 1, "now": now}
        token: int | None = self._runner.value(_ACQUIRE, values)
        return token

    def find(self, name: str) -> JobLease | None:
        """Give the lease as its last holder left it; None if nobody ever held it."""
        row = self._runner.row(_LEASE, {"this_name": name})
        return None if row is None else JobLease(*row)

    def all(self) -> list[NamedLease]:
        """Give the leases of all jobs that were ever held, by name."""
        return [NamedLease(*row) for row in self._runner.rows(_ALL)]

    def ends_at(self, name: str) -> datetime | None:
        """Give the time until which somebody holds the lease, past when it was released; None if nobody ever did."""
        lease = self.find(name)
        return None if lease is None else lease.until

    def held(self, now: datetime) -> list[tuple[str, str]]:
        """Give the names of all leases that somebody holds at `now`, and who that is; some of these may have died."""
        return [(row[0], row[1]) for row in self._runner.rows(_HELD, {"now": now})]

    def renew(self, name: str, token: int, *, until: datetime) -> bool:
        """Hold the lease until `until`; False when another took it since."""
        return self._set_end(name, token, until)

    def release(self, name: str, token: int) -> bool:
        """Let the next one take the lease at once; False when another took it since."""
        return self._set_end(name, token, _LONG_AGO)

    def _set_end(self, name: str, token: int, until: datetime) -> bool:
        return self._runner.change(_SET_END, {"this_name": name, "this_token": token, "until": until}) > 0
