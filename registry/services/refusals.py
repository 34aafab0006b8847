"""Refused requests on their way into the audit log: gathered per process, written in batches, bounded a minute.

A refusal must not cost a write that its client waits for, nor one that many clients could fill the disk with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from registry import limits
from registry.auth.subject import system
from registry.metadata.audit_values import AuditEntry
from registry.metadata.database import Database
from registry.metadata.transaction import Transaction
from registry.observability.request_context import RequestContext
from registry.services import audit

_MINUTE: Final = timedelta(minutes=1)
_NOBODY: Final = RequestContext("")
_COUNTER: Final = str(system("audit"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A request that was answered with `status`, and by whom and for what it was made.

    Where a login failed in its `context`, that is what it is about.
    """

    actor: str
    target: str
    status: int
    method: str
    path: str
    context: RequestContext
    moment: datetime = field(default_factory=lambda: datetime.now(UTC))


class Refusals:
    """The refusals of this process that are not written yet. `on_drop` is called for each that is only counted."""

    def __init__(self, on_drop: Callable[[], None] | None = None) -> None:
        self._on_drop = on_drop
        self._pending: list[AuditEntry] = []
        self._minute = datetime(1970, 1, 1, tzinfo=UTC)
        self._taken = 0
        self._counted = 0

    def note(self, refusal: Refusal) -> None:
        """Remember the refusal; quick, and bounded in memory and in what it leads to be written."""
        if refusal.moment - self._minute >= _MINUTE:
            self._count_up(refusal.moment)
            self._minute, self._taken = refusal.moment, 0
        if self._taken >= limits.AUDIT_REFUSALS_PER_MINUTE or self._is_full:
            self._counted += 1
            if self._on_drop is not None:
                self._on_drop()
            return
        self._taken += 1
        self._pending.append(_entry(refusal))

    async def flush(self, database: Database) -> None:
        """Write what is pending, and in the end of a minute how many of its refusals were too many.

        If the database refuses, they are kept for the next time.
        """
        moment = datetime.now(UTC)
        if moment - self._minute >= _MINUTE:
            self._count_up(moment)
        if not self._pending:
            return
        written = list(self._pending)
        await database.write(_append, written)
        del self._pending[: len(written)]

    @property
    def _is_full(self) -> bool:
        # A database that is away is no reason to keep more than one minute's, nor a count for each further minute.
        return len(self._pending) > limits.AUDIT_REFUSALS_PER_MINUTE

    def _count_up(self, moment: datetime) -> None:
        if self._counted and not self._is_full:
            self._pending.append(_count(self._counted, moment))
            self._counted = 0


def _entry(refusal: Refusal) -> AuditEntry:
    action, target = audit.Action.REQUEST_REFUSED, refusal.target
    detail: dict[str, str | int] = {"status": refusal.status, "method": refusal.method, "path": refusal.path}
    login = refusal.context.login
    if login is not None:
        action, target = audit.Action.LOGIN_FAILED, login.account
        if login.credential:
            detail["credential"] = login.credential
    return audit.entry(
        action,
        refusal.context,
        actor=refusal.actor,
        target=target,
        moment=refusal.moment,
        outcome=audit.Outcome.REFUSED,
        detail=detail,
    )


def _count(counted: int, moment: datetime) -> AuditEntry:
    return audit.entry(
        audit.Action.REFUSALS_COUNTED,
        _NOBODY,
        actor=_COUNTER,
        target="",
        moment=moment,
        outcome=audit.Outcome.REFUSED,
        detail={"refusals": counted},
    )


def _append(tx: Transaction, entries: list[AuditEntry]) -> None:
    for entry in entries:
        tx.audit.append(entry)
