"""When credentials were last used, and from where: gathered per process, and written in batches."""

from __future__ import annotations

from registry import limits
from registry.metadata.account_rows import CredentialUse
from registry.metadata.database import Database
from registry.metadata.transaction import Transaction


class CredentialUses:
    """The uses that this process has seen and not written yet, the last one of each credential."""

    def __init__(self) -> None:
        self._pending: dict[int, CredentialUse] = {}

    def note(self, use: CredentialUse) -> None:
        """Remember a use; quick, and bounded in memory."""
        if use.credential_id in self._pending or len(self._pending) < limits.PENDING_CREDENTIAL_USES:
            self._pending[use.credential_id] = use

    async def flush(self, database: Database) -> None:
        """Write what is pending. If the database refuses, these times are lost, and nothing else."""
        if not self._pending:
            return
        uses = [self._pending[credential_id] for credential_id in sorted(self._pending)]
        self._pending.clear()
        await database.note(_note, uses)


def _note(tx: Transaction, uses: list[CredentialUse]) -> None:
    tx.credentials.note_uses(uses)
