"""When tags and manifests were last pulled: gathered per process, written in batches.

A pull must not cost a write, so the last seconds of these times may be lost in a crash; nothing depends on them.
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
        self._pending: dict[tuple[int, int | None], datetime] = {}

    def note(self, pulled: StoredManifest, moment: datetime) -> None:
        """Remember that the manifest was pulled, by the tag that it was asked for; quick, and bounded in memory."""
        key = (pulled.manifest_id, pulled.tag_id)
        if key in self._pending or len(self._pending) < limits.PENDING_PULLS:
            self._pending[key] = moment

    async def flush(self, database: Database) -> None:
        """Write what is pending. If the database refuses, these times are lost, not the pulls."""
        if not self._pending:
            return
        pulls = [Pull(manifest_id, tag_id, moment) for (manifest_id, tag_id), moment in self._pending.items()]
        self._pending.clear()
        await database.write(_record, pulls)


def _record(tx: Transaction, pulls: list[Pull]) -> None:
    tx.pulls.record(pulls)
