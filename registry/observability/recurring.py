"""Faults that many requests meet at once, as a full disk: told once, and then now and again while they last.

Who meets each of them is in the access log; here one line in a while names the cause, and says how often it was met.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from registry import limits

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

# Few are known; were each a kind of its own, memory would not grow by them.
_KINDS: Final = 1024


@dataclass(slots=True)
class _Told:
    at: float
    since: int = 0


class RecurringFaults:
    """Warns of faults, of each kind at most once in `limits.FAULT_LOG_S`; belongs to one event loop."""

    def __init__(self, log: FilteringBoundLogger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._told: dict[tuple[object, ...], _Told] = {}

    def warn(self, event: str, error: Exception, **fields: Any) -> None:
        """Log `event` with what caused it, and how often that was met since its last line; or only count it.

        Faults of one class, with the same words or the same of the system's error numbers, and the same `fields` are of
        one kind.
        """
        cause = getattr(error, "cause", None) or error
        # The system's own words name a file, another one each time.
        kind = (event, type(error), getattr(cause, "errno", None) or str(cause), *fields.items())
        moment = self._clock()
        told = self._told.get(kind)
        if told is not None and moment - told.at < limits.FAULT_LOG_S:
            told.since += 1
            return
        if told is not None and told.since:
            fields["repeated"] = told.since
        if len(self._told) >= _KINDS:
            self._told.clear()
        self._told[kind] = _Told(moment)
        self._log.warning(event, error=type(error).__name__, cause=str(cause), **fields)
