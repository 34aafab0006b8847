"""How one process connects to PostgreSQL; SQLite knows nothing of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

# A server that says nothing at all is given up after the time that it has for a statement and this, or after that.
_SILENCE_S: Final = 1.0
_ANSWER_S: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Connecting:
    """Bounds of the connections of one process, and what stands between it and the server.

    `kept` connections stay open once they were needed, up to `most` are opened; a third of both is for lookups alone.
    Without a time-out of its own (0: none), a statement or the wait for a lock has the server's. `through_pgbouncer` is
    for one that gives a server's connection back after each transaction: nothing is prepared or set for longer.
    """

    kept: int = 12
    most: int = 12
    through_pgbouncer: bool = False
    connect_timeout_s: float = 5.0
    statement_timeout_s: float | None = None
    lock_timeout_s: float | None = None

    @property
    def for_lookups(self) -> tuple[int, int]:
        """How many connections are kept, and how many there are at most, for lookups."""
        return self.kept // 3, max(1, self.most // 3)

    @property
    def for_transactions(self) -> tuple[int, int]:
        """How many connections are kept, and how many there are at most, for transactions."""
        kept, most = self.for_lookups
        return self.kept - kept, self.most - most

    @property
    def arguments(self) -> dict[str, Any]:
        """What asyncpg is told beside the URL."""
        settings = {"application_name": "moorage"}
        if not self.through_pgbouncer:
            settings |= self._timeouts
        arguments: dict[str, Any] = {
            "timeout": self.connect_timeout_s,
            "command_timeout": self._patience_s,
            "server_settings": settings,
        }
        if self.through_pgbouncer:
            arguments["statement_cache_size"] = 0
        return arguments

    @property
    def first_statements(self) -> tuple[str, ...]:
        """What each transaction begins with: where a connection is not this process's own, nothing else sets them."""
        if not self.through_pgbouncer:
            return ()
        return tuple(f"SET LOCAL {name} = '{value}'" for name, value in self._timeouts.items())

    def unhurried(self) -> Connecting:
        """The same, but whatever is asked may take its time."""
        return replace(self, statement_timeout_s=0.0, lock_timeout_s=0.0)

    @property
    def _patience_s(self) -> float | None:
        if self.statement_timeout_s is None:
            return _ANSWER_S
        return self.statement_timeout_s + _SILENCE_S if self.statement_timeout_s else None

    @property
    def _timeouts(self) -> dict[str, str]:
        chosen = {"statement_timeout": self.statement_timeout_s, "lock_timeout": self.lock_timeout_s}
        return {name: f"{value_s * 1000:.0f}ms" for name, value_s in chosen.items() if value_s is not None}


AS_IT_COMES: Final = Connecting()
"""Connecting without anything configured."""
