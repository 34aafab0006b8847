"""How often logins failed, by whatever they are counted for, shared by all workers and nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, case, delete, select, update

from registry.metadata.schema import login_failure
from registry.metadata.statements import Runner, insert

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

_NOW = bindparam("now", type_=login_failure.c.expires_at.type)
_IS_FORGOTTEN = login_failure.c.expires_at <= _NOW
_THIS = login_failure.c.subject == bindparam("this_subject")
_RESULT = (login_failure.c.failures, login_failure.c.until)

_FIND = select(login_failure.c.subject, *_RESULT).where(
    login_failure.c.subject.in_(bindparam("these_subjects", expanding=True)), login_failure.c.expires_at > _NOW
)
_COUNT = insert(
    login_failure,
    lambda new: new.on_conflict_do_update(
        index_elements=["subject"],
        set_={
            "failures": case((_IS_FORGOTTEN, new.excluded.failures), else_=login_failure.c.failures + 1),
            "until": case((_IS_FORGOTTEN, None), else_=login_failure.c.until),
            "expires_at": new.excluded.expires_at,
        },
    ).returning(*_RESULT),
)
_MARK = insert(
    login_failure,
    lambda new: new.on_conflict_do_update(
        index_elements=["subject"],
        set_={"failures": new.excluded.failures, "until": None, "expires_at": new.excluded.expires_at},
    ),
)
_HOLD = update(login_failure).where(_THIS).values(until=bindparam("new_until", type_=login_failure.c.until.type))
_TAKE_BACK = (
    update(login_failure)
    .where(_THIS, login_failure.c.failures > 0)
    .values(failures=login_failure.c.failures - 1, until=None)
)
_DROP = delete(login_failure).where(_THIS)
_FORGET = delete(login_failure).where(
    login_failure.c.subject.in_(
        select(login_failure.c.subject)
        .where(_IS_FORGOTTEN)
        .order_by(login_failure.c.expires_at)
        .limit(bindparam("this_limit"))
        .scalar_subquery()
    )
)


@dataclass(frozen=True, slots=True)
class FailureCount:
    """How often something failed, and until when it is held back (None: it never was)."""

    failures: int
    until: datetime | None


class LoginFailures:
    """The counts; a subject is any text that names what is counted for."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def find(self, subjects: Iterable[str], now: datetime) -> dict[str, FailureCount]:
        """Give the counts of those of `subjects` that have one which is not forgotten."""
        rows = self._runner.rows(_FIND, {"these_subjects": list(subjects), "now": now})
        return {subject: FailureCount(failures, until) for subject, failures, until in rows}

    def count(self, subject: str, now: datetime, *, expires_at: datetime) -> FailureCount:
        """Count one more failure, to be forgotten at `expires_at` unless another follows; nobody else counts beside."""
        values = {"subject": subject, "failures": 1, "until": None, "now": now, "expires_at": expires_at}
        row = self._runner.row(_COUNT, values)
        assert row is not None
        return FailureCount(*row)

    def mark(self, subject: str, *, expires_at: datetime) -> None:
        """Keep `subject`, without a failure, until `expires_at`."""
        self._runner.change(_MARK, {"subject": subject, "failures": 0, "until": None, "expires_at": expires_at})

    def hold(self, subject: str, until: datetime) -> None:
        """Hold back what was counted until `until`."""
        self._runner.change(_HOLD, {"this_subject": subject, "new_until": until})

    def take_back(self, subjects: Iterable[str]) -> None:
        """Count one failure less for each of `subjects`, none of which is held back any longer."""
        for subject in sorted(subjects):
            self._runner.change(_TAKE_BACK, {"this_subject": subject})

    def drop(self, subject: str) -> None:
        """Forget `subject` now."""
        self._runner.change(_DROP, {"this_subject": subject})

    def forget(self, now: datetime, limit: int) -> int:
        """Remove up to `limit` counts whose time is over, the oldest first, and give their number."""
        return self._runner.change(_FORGET, {"now": now, "this_limit": limit})
