"""Grants: the roles of accounts in the repositories that patterns fit, given by whoever those belong to."""

from __future__ import annotations

from oci_spec.reference import RepositoryName
from registry.auth.account_name import AccountName
from registry.auth.pattern import RepositoryPattern
from registry.auth.permission import Permission
from registry.auth.roles import Role
from registry.auth.subject import Subject
from registry.errors import AccountUnknown, Denied, GrantUnknown, NamespaceUnknown
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
        Denied: the pattern means repositories of which `subject` does not own all.
    """
    await _require_owner_of_all(services, subject, pattern)
    await services.database.write(give, who, role, pattern, actor=str(subject))


async def listing(services: Services, subject: Subject, who: AccountName) -> list[Grant]:
    """What was granted to the account itself, as far as that is for `subject` to know.

    All of it to the account, to who owns its namespace, and to administrators; to others what they may take back, which
    is nothing of an account that does not exist.

    Raises:
        AccountUnknown: there is no such account, and `subject` may know.
        Denied: the policy does not allow it.
    """
    standing = await services.database.read(_of_account, who)
    if subject.name == str(who) or await services.policy.owns(subject, who.namespace):
        if standing is None:
            raise AccountUnknown(str(who))
        return standing
    return [
        grant for grant in standing or () if await _owns_all(services, subject, RepositoryPattern.parse(grant.pattern))
    ]


async def remove(services: Services, subject: Subject, who: AccountName, pattern: RepositoryPattern) -> None:
    """Take back what was granted to the account by this very pattern.

    Raises:
        AccountUnknown: there is no such account.
        GrantUnknown: nothing was.
        Denied: the pattern means repositories of which `subject` does not own all.
    """
    await _require_owner_of_all(services, subject, pattern)
    await services.database.write(take_back, who, pattern, actor=str(subject))


def give(tx: Transaction, who: AccountName, role: Role, pattern: RepositoryPattern, *, actor: str) -> None:
    """Grant a role, and put that down.

    Raises:
        AccountUnknown: there is no such account.
        NamespaceUnknown: nobody made the namespace that the pattern is in.
    """
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


def take_back(tx: Transaction, who: AccountName, pattern: RepositoryPattern, *, actor: str) -> None:
    """Take back what was granted by this very pattern, and put that down.

    Raises:
        AccountUnknown: there is no such account.
        GrantUnknown: nothing was.
    """
    standing = [each for each in tx.grants.of_account(found(tx, who).id) if each.pattern == str(pattern)]
    if not standing:
        raise GrantUnknown(str(who), str(pattern))
    for each in standing:
        end(tx, each, str(who), actor=actor)


def end(tx: Transaction, grant: Grant, who: str, *, actor: str) -> None:
    """Take back this grant of `who`, and put that down."""
    tx.grants.remove(grant.id)
    detail = {"repository": grant.pattern}
    audit.record(tx, audit.Action.ROLE_TAKEN_BACK, actor=actor, target=who, moment=now(), detail=detail)


async def _require_owner_of_all(services: Services, subject: Subject, pattern: RepositoryPattern) -> None:
    if not await _owns_all(services, subject, pattern):
        raise Denied


async def _owns_all(services: Services, subject: Subject, pattern: RepositoryPattern) -> bool:
    """Whether all that the pattern means, repositories to come too, is the subject's."""
    if pattern.is_name:
        return await services.policy.allows(subject, Permission.OWN, RepositoryName.parse(pattern.text))
    if pattern.namespace is not None:
        return await services.policy.owns(subject, pattern.namespace)
    return await services.policy.allows(subject, Permission.ADMINISTER, None)


def _of_account(tx: Transaction, who: AccountName) -> list[Grant] | None:
    account = tx.accounts.find(str(who))
    return None if account is None else tx.grants.of_account(account.id)
