"""Grants: the roles of accounts in the repositories that patterns fit."""

from __future__ import annotations

from registry.auth.account_name import AccountName
from registry.auth.pattern import RepositoryPattern
from registry.auth.permission import Permission
from registry.auth.policy import require
from registry.auth.roles import Role
from registry.auth.subject import Subject
from registry.errors import GrantUnknown, NamespaceUnknown
from registry.metadata.account_rows import Grant, NewGrant
from registry.metadata.transaction import Transaction
from registry.services import audit
from registry.services.accounts import found
from registry.services.context import Services, now


async def put(
    services: Services, subject: Subject, who: AccountName, role: Role, *, pattern: RepositoryPattern
) -> None:
    """Let an account be `role` in the repositories of `pattern`, in the place of what it was by the same pattern.

    Raises:
        AccountUnknown: there is no such account.
        NamespaceUnknown: nobody made the namespace that the pattern is in.
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    await services.database.write(_put, who, role, pattern, actor=str(subject))


async def listing(services: Services, subject: Subject, who: AccountName) -> list[Grant]:
    """All that was granted to the account itself.

    Raises:
        AccountUnknown: there is no such account.
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    return await services.database.read(_listing, who)


async def remove(services: Services, subject: Subject, who: AccountName, pattern: RepositoryPattern) -> None:
    """Take back what was granted to the account by this very pattern.

    Raises:
        AccountUnknown: there is no such account.
        GrantUnknown: nothing was.
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    await services.database.write(_remove, who, pattern, actor=str(subject))


def _put(tx: Transaction, who: AccountName, role: Role, pattern: RepositoryPattern, *, actor: str) -> None:
    account, moment = found(tx, who), now()
    if pattern.namespace is not None and tx.namespaces.find(pattern.namespace) is None:
        raise NamespaceUnknown(pattern.namespace)
    tx.grants.set(
        NewGrant(
            account_id=account.id,
            pattern=str(pattern),
            bucket=pattern.bucket,
            role=role,
            created_at=moment,
            created_by=actor,
        )
    )
    detail = {"role": str(role), "repository": str(pattern)}
    audit.record(tx, audit.Action.ROLE_GRANTED, actor=actor, target=str(who), moment=moment, detail=detail)


def _listing(tx: Transaction, who: AccountName) -> list[Grant]:
    return tx.grants.of_account(found(tx, who).id)


def _remove(tx: Transaction, who: AccountName, pattern: RepositoryPattern, *, actor: str) -> None:
    standing = [each.id for each in _listing(tx, who) if each.pattern == str(pattern)]
    if not standing:
        raise GrantUnknown(str(who), str(pattern))
    for each in standing:
        tx.grants.remove(each)
    detail = {"repository": str(pattern)}
    audit.record(tx, audit.Action.ROLE_TAKEN_BACK, actor=actor, target=str(who), moment=now(), detail=detail)
