"""Leases of jobs: who may run one now, among all workers and nodes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from registry.metadata.schema import job_lease
from registry.metadata.statements import insert

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Leases:
    """The leases of the registry's jobs."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        """Work in the transaction of `connection`."""
        self._connection = connection

    def ends_at(self, name: str) -> datetime | None:
        """Give when the lease `name` runs out, whoever holds it; None when nobody ever took it."""
        query = select(job_lease.c.until).where(job_lease.c.name == name)
        return self._connection.execute(query).scalar_one_or_none()

    def acquire(self, name: str, owner: str, *, until: datetime, now: datetime) -> int | None:
        """Take the lease `name` if nobody holds it at `now`, and give its token; None when somebody does.

        Tokens of one name only grow, so the latest holder is the one with the largest.
        """
        new = insert(self._connection, job_lease).values(name=name, owner=owner, until=until, token=1)
        taken = new.on_conflict_do_update(
            index_elements=["name"],
            set_={"owner": owner, "until": until, "token": job_lease.c.token + 1},
            where=job_lease.c.until <= now,
        )
        return self._connection.execute(taken.returning(job_lease.c.token)).scalar_one_or_none()

    def renew(self, name: str, token: int, *, until: datetime) -> bool:
        """Hold the lease until `until`; False when another took it since."""
        return self._set_end(name, token, until)

    def release(self, name: str, token: int) -> bool:
        """Let the next one take the lease at once; False when another took it since."""
        return self._set_end(name, token, _LONG_AGO)

    def _set_end(self, name: str, token: int, until: datetime) -> bool:
        mine = update(job_lease).where(job_lease.c.name == name, job_lease.c.token == token)
        return self._connection.execute(mine.values(until=until)).rowcount > 0
