"""Credentials: personal tokens, robots' tokens and refresh tokens, known by the hashes of their secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, or_, select, update

from registry.metadata.account_rows import Credential
from registry.metadata.schema import credential
from registry.metadata.statements import Runner, insert

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from registry.metadata.account_rows import CredentialUse, NewCredential

_OF_ACCOUNT = credential.c.account_id == bindparam("this_account")
_NOT_REVOKED = credential.c.revoked_at.is_(None)
_BY_HASH = select(*credential.c).where(credential.c.hash == bindparam("this_hash"))
_BY_ID = select(*credential.c).where(credential.c.id == bindparam("this_id"))
# Sorted here: a database may walk through all that are sorted already, to save sorting these few.
_LIST = select(*credential.c).where(_OF_ACCOUNT)
_MAKE = insert(credential, lambda new: new.returning(*credential.c))
_REVOKE = (
    update(credential)
    .where(credential.c.id == bindparam("this_id"), _OF_ACCOUNT, _NOT_REVOKED)
    .values(revoked_at=bindparam("now"))
)
_REVOKE_KIND = (
    update(credential)
    .where(_OF_ACCOUNT, credential.c.kind == bindparam("this_kind"), _NOT_REVOKED)
    .values(revoked_at=bindparam("now"))
)
_NOTE_USE = (
    update(credential)
    .where(
        credential.c.id == bindparam("this_id"),
        or_(credential.c.last_used_at.is_(None), credential.c.last_used_at < bindparam("at")),
    )
    .values(last_used_at=bindparam("at"), last_used_from=bindparam("address"))
)
_EXPIRED = (
    select(credential.c.id)
    .where(credential.c.expires_at < bindparam("before"))
    .order_by(credential.c.expires_at)
    .limit(bindparam("limit"))
)
_REMOVE = delete(credential).where(credential.c.id.in_(bindparam("these_ids", expanding=True)))


class Credentials:
    """The credentials of all accounts."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def make(self, new: NewCredential) -> Credential:
        """Give the credential that is made now, for an account that exists."""
        [row] = self._runner.rows(
            _MAKE,
            {
                "account_id": new.account_id,
                "kind": new.kind,
                "name": new.name,
                "hash": new.hash,
                "scope": new.scope,
                "generation": new.generation,
                "created_at": new.created_at,
                "created_by": new.created_by,
                "expires_at": new.expires_at,
            },
        )
        return Credential(*row)

    def find(self, secret_hash: bytes) -> Credential | None:
        """Give the credential whose secret has this SHA-256, or None; it may be revoked or expired."""
        row = self._runner.row(_BY_HASH, {"this_hash": secret_hash})
        return None if row is None else Credential(*row)

    def find_by_id(self, credential_id: int) -> Credential | None:
        """Give the credential with this id, or None; it may be revoked or expired."""
        row = self._runner.row(_BY_ID, {"this_id": credential_id})
        return None if row is None else Credential(*row)

    def list(self, account_id: int) -> list[Credential]:
        """Give all credentials of an account, newest first; revoked and expired ones too."""
        found = [Credential(*row) for row in self._runner.rows(_LIST, {"this_account": account_id})]
        return sorted(found, key=lambda each: each.id, reverse=True)

    def revoke(self, account_id: int, credential_id: int, now: datetime) -> bool:
        """End a credential of this account; False if it has none with this id that is not revoked yet."""
        values = {"this_account": account_id, "this_id": credential_id, "now": now}
        return self._runner.change(_REVOKE, values) > 0

    def revoke_kind(self, account_id: int, kind: str, now: datetime) -> int:
        """End all credentials of one kind that this account has; counts those that were not revoked yet."""
        return self._runner.change(_REVOKE_KIND, {"this_account": account_id, "this_kind": kind, "now": now})

    def note_uses(self, uses: Iterable[CredentialUse]) -> None:
        """Note many uses; what was removed since is passed over, and no time goes backwards."""
        latest: dict[int, CredentialUse] = {}
        for use in uses:
            known = latest.get(use.credential_id)
            if known is None or known.at < use.at:
                latest[use.credential_id] = use
        # In one order everywhere, so that two workers that note the same rows do not wait for each other in a ring.
        self._runner.change_many(
            _NOTE_USE,
            [{"this_id": key, "at": latest[key].at, "address": latest[key].address} for key in sorted(latest)],
        )

    def remove_expired(self, before: datetime, limit: int) -> int:
        """Remove up to `limit` credentials that expired before `before`, and count them."""
        return self.remove([row[0] for row in self._runner.rows(_EXPIRED, {"before": before, "limit": limit})])

    def remove(self, ids: Sequence[int]) -> int:
        """Remove these credentials, and count those that there were."""
        return self._runner.change(_REMOVE, {"these_ids": sorted(ids)}) if ids else 0
