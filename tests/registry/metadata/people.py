"""Accounts, credentials and grants for tests."""

from __future__ import annotations

import hashlib
from datetime import datetime

from registry.metadata.account_rows import Account, AccountKind, Credential, Grant, NewAccount, NewCredential, NewGrant
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import NOW

BY = "operator"


def an_account(
    tx: Transaction,
    name: str = "alice",
    *,
    kind: AccountKind = AccountKind.USER,
    is_admin: bool = False,
    expires_at: datetime | None = None,
) -> Account:
    new = NewAccount(name=name, kind=kind, is_admin=is_admin, expires_at=expires_at, created_at=NOW, created_by=BY)
    made = tx.accounts.make(new)
    assert made is not None
    return made


def a_credential(
    tx: Transaction,
    account: Account,
    secret: str = "secret",
    *,
    kind: str = "personal",
    expires_at: datetime | None = None,
) -> Credential:
    return tx.credentials.make(
        NewCredential(
            account_id=account.id,
            kind=kind,
            name=secret,
            hash=hash_of(secret),
            scope="{}",
            generation=account.generation,
            created_at=NOW,
            created_by=BY,
            expires_at=expires_at,
        )
    )


def hash_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def a_grant(
    tx: Transaction,
    pattern: str,
    bucket: str,
    role: str = "writer",
    *,
    account_id: int | None = None,
    team_id: int | None = None,
) -> Grant:
    new = NewGrant(
        account_id=account_id,
        team_id=team_id,
        pattern=pattern,
        bucket=bucket,
        role=role,
        created_at=NOW,
        created_by=BY,
    )
    return tx.grants.set(new)
