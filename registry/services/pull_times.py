"""Pulls, counted by tag, and when tags and manifests were last pulled: gathered per process, written in batches.

A pull must not cost a write, so those of the last seconds may be lost in a crash; nothing depends on them.
"""

from __future__ import annotations

from datetime import datetime

from registry import limits
from registry.metadata.database import Database
from registry.metadata.rows import Pull, StoredManifest
from registry.metadata.transaction import Transaction


class PullTimes:
    """The pulls that this process has answered and not written yet, one entry per manifest and tag."""

    def __init__(self) -> None:
        # How many times, and when last.
        self._pending: dict[tuple[int, int | None], tuple[int, datetime]] = {}

    def note(self, pulled: StoredManifest, moment: datetime) -> None:
        """Remember that the manifest was pulled, by the tag that it was asked for; quick, and bounded in memory."""
        key = (pulled.manifest_id, pulled.tag_id)
        known = self._pending.get(key)
        if known is not None:
            self._pending[key] = (known[0] + 1, moment)
        elif len(self._pending) < limits.PENDING_PULLS:
            self._pending[key] = (1, moment)

    async def flush(self, database: Database) -> None:
        """Write what is pending. If the database refuses, these counts and times are lost, not the pulls."""
        if not self._pending:
            return
        pulls = [Pull(*key, pulled_at=moment, times=times) for key, (times, moment) in self._pending.items()]
        self._pending.clear()
        await database.write(_record, pulls)


def _record(tx: Transaction, pulls: list[Pull]) -> None:
    tx.pulls.record(pulls)
