"""Uses of credentials: when each was last used, and from where; and which of them are logins, for the audit log.

Clients bring a credential with every request for a token, many times for one push. So a login is the first use of one
from an address, and again after `limits.LOGIN_AGAIN_S`. All of it is gathered per process and written in batches: no
client waits for it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Final

from registry import limits
from registry.auth.subject import Subject
from registry.metadata.account_rows import CredentialUse
from registry.metadata.audit_values import AuditEntry
from registry.metadata.database import Database
from registry.metadata.transaction import Transaction
from registry.services import audit

_ONE_LOGIN: Final = timedelta(seconds=limits.LOGIN_AGAIN_S)


class CredentialUses:
    """The uses that this process has seen and not written yet: of each credential the last one, and all logins."""

    def __init__(self) -> None:
        self._pending: dict[int, CredentialUse] = {}
        self._logins: list[AuditEntry] = []
        # When each login began that may be going on, the oldest first.
        self._begun: OrderedDict[Hashable, datetime] = OrderedDict()

    def note(self, subject: Subject, address: str, moment: datetime) -> None:
        """Remember that `subject` has proved who they are, and the login if it is one; quick, and bounded in memory."""
        proof = subject.proof
        assert proof is not None, "somebody who has proved who they are"
        used = proof.credential_id
        if used is not None and (used in self._pending or len(self._pending) < limits.PENDING_CREDENTIAL_USES):
            self._pending[used] = CredentialUse(used, moment, address)
        # A login that there is no room for is not begun: it is put down with the next use.
        if len(self._logins) < limits.PENDING_LOGINS and self.begin(subject, address, moment):
            self._logins.append(audit.login(subject, moment))

    def begin(self, subject: Subject, address: str, moment: datetime) -> bool:
        """Whether a login of `subject` from this address begins, with this proof; and not, if one is going on."""
        login = (subject.account_id, subject.proof, address)
        begun = self._begun.get(login)
        if begun is not None and moment - begun < _ONE_LOGIN:
            return False
        self._begun[login] = moment
        self._begun.move_to_end(login)
        if len(self._begun) > limits.REMEMBERED_LOGINS:
            self._begun.popitem(last=False)
        return True

    async def flush(self, database: Database) -> None:
        """Write what is pending. If the database refuses, times of uses are lost; logins are kept for the next time."""
        uses = [self._pending[credential_id] for credential_id in sorted(self._pending)]
        self._pending.clear()
        if self._logins:
            logins = list(self._logins)
            await database.write(_note, uses, logins)
            del self._logins[: len(logins)]
        elif uses:
            await database.note(_note, uses, [])


def _note(tx: Transaction, uses: list[CredentialUse], logins: list[AuditEntry]) -> None:
    tx.credentials.note_uses(uses)
    for login in logins:
        tx.audit.append(login)
