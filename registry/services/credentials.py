"""Tokens of people and robots: random secrets that are shown once, reach as far as was said, and can be revoked."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from registry.auth.account_name import AccountName
from registry.auth.permission import Permission
from registry.auth.policy import require
from registry.auth.scope import Scope
from registry.auth.secret_text import SecretKind, generate, hash_of
from registry.auth.subject import Subject
from registry.errors import CredentialUnknown
from registry.metadata.account_rows import AccountKind, Credential, NewCredential
from registry.metadata.transaction import Transaction
from registry.services import audit
from registry.services.accounts import found
from registry.services.context import Services, now

_KINDS: Final = {AccountKind.USER: SecretKind.PERSONAL, AccountKind.ROBOT: SecretKind.ROBOT}


async def create(
    services: Services,
    subject: Subject,
    owner: AccountName,
    *,
    name: str,
    scope: Scope,
    expires_at: datetime | None,
) -> tuple[str, Credential]:
    """The secret of a new token of `owner`, which is kept nowhere, and the token.

    Raises:
        AccountUnknown: there is no such account.
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    return await services.database.write(
        _create, owner, name=name, scope=scope, expires_at=expires_at, actor=str(subject)
    )


async def listing(services: Services, subject: Subject, owner: AccountName) -> list[Credential]:
    """All tokens of `owner`, newest first, revoked and expired ones too; not those by which clients stay logged in.

    Raises:
        AccountUnknown: there is no such account.
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    return await services.database.read(_listing, owner)


async def revoke(services: Services, subject: Subject, owner: AccountName, credential_id: int) -> None:
    """End a token of `owner`, at once and everywhere.

    Raises:
        AccountUnknown: there is no such account.
        CredentialUnknown: it has no such token, or it is revoked already.
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    await services.database.write(_revoke, owner, credential_id, str(subject))


def _create(
    tx: Transaction, owner: AccountName, *, name: str, scope: Scope, expires_at: datetime | None, actor: str
) -> tuple[str, Credential]:
    account, moment = found(tx, owner), now()
    kind = _KINDS[account.kind]
    secret = generate(kind)
    made = tx.credentials.make(
        NewCredential(
            account_id=account.id,
            kind=kind,
            name=name,
            hash=hash_of(secret),
            scope=str(scope),
            generation=account.generation,
            created_at=moment,
            created_by=actor,
            expires_at=expires_at,
        )
    )
    _record(tx, audit.Action.CREDENTIAL_MADE, owner, made.id, actor=actor)
    return secret, made


def _listing(tx: Transaction, owner: AccountName) -> list[Credential]:
    return [each for each in tx.credentials.list(found(tx, owner).id) if each.kind != SecretKind.REFRESH]


def _revoke(tx: Transaction, owner: AccountName, credential_id: int, actor: str) -> None:
    if not tx.credentials.revoke(found(tx, owner).id, credential_id, now()):
        raise CredentialUnknown(str(owner), credential_id)
    _record(tx, audit.Action.CREDENTIAL_REVOKED, owner, credential_id, actor=actor)


def _record(tx: Transaction, action: audit.Action, owner: AccountName, number: int, *, actor: str) -> None:
    audit.record(tx, action, actor=actor, target=str(owner), moment=now(), detail={"credential": number})
