"""Robots: the accounts of programs, each in a namespace whose owners look after it.

A robot may do what it was granted, and nothing without a grant; it has no password, and manages nothing. Its tokens are
those of `registry.services.credentials`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.grantee import Grantee
from registry.auth.pattern import RepositoryPattern
from registry.auth.permission import Permission
from registry.auth.policy import require_password
from registry.auth.roles import Role
from registry.auth.subject import Subject
from registry.errors import AccountNameInvalid, AccountUnknown, NamespaceUnknown, NameTaken, RobotsTooMany
from registry.metadata.account_rows import Account, AccountKind, Credential, Grant, NewAccount
from registry.metadata.transaction import Transaction
from registry.services import audit, credentials, grants
from registry.services.account_access import require_keeper, require_standing_proof
from registry.services.accounts import found
from registry.services.context import Services, now
from registry.services.credentials import TokenWish
from registry.services.ownership import require_owner

FIRST_TOKEN: Final = "first"  # noqa: S105 - its name
"""What the token is called that a robot is made with."""


class Robot(msgspec.Struct, frozen=True):
    """A robot, and what was granted to it."""

    account: Account
    grants: list[Grant]


class RoleWish(msgspec.Struct, frozen=True):
    """What a robot shall be in the repositories that a pattern fits."""

    role: Role
    pattern: RepositoryPattern


async def create(
    services: Services,
    subject: Subject,
    name: AccountName,
    roles: Sequence[RoleWish] = (),
    *,
    token: TokenWish | None = None,
) -> tuple[Robot, tuple[str, Credential] | None]:
    """The robot that is made with these roles, and if a token was wished, its secret, which is kept nowhere, and it.

    Raises:
        AccountNameInvalid: the name is no robot's.
        NameTaken: another robot has it.
        RobotsTooMany: its namespace has as many as it can have.
        NamespaceUnknown: there is no such namespace, or `subject` may not know of it.
        CredentialInvalid: there can be no such token.
        Denied: `subject` does not own the namespace, or all that they would grant.
        PasswordRequired, LoginFailed: they have not proved a password, or it proves them no more.
    """
    if not name.is_robot:
        raise AccountNameInvalid(str(name), limits.ACCOUNT_NAME_CHARACTERS)
    await require_owner(services, subject, name.namespace, NamespaceUnknown(name.namespace))
    require_password(subject)
    for wish in roles:
        await grants.require_owner_of_all(services, subject, wish.pattern)
    if token is not None:
        token.check()
    return await services.database.write(_create, name, roles, token, subject=subject)


async def listing(services: Services, subject: Subject, *, after: str = "", limit: int) -> list[Account]:
    """Up to `limit` robots that `subject` looks after, in the byte order of their names, those after `after`."""
    if await services.policy.allows(subject, Permission.ADMINISTER, None):
        return await services.database.read(lambda tx: tx.robots.page(limit, after=after))
    account_id = subject.account_id
    if account_id is None:
        return []
    return await services.database.read(lambda tx: tx.robots.page_owned(account_id, limit, after=after))


async def listing_of(
    services: Services, subject: Subject, namespace: AccountName, *, after: str = "", limit: int
) -> list[Account]:
    """Up to `limit` robots of a namespace in the byte order of their names, those after `after`.

    Raises:
        NamespaceUnknown: there is no such namespace, or `subject` may not know of it.
        Denied: they do not own it.
    """
    await require_owner(services, subject, str(namespace), NamespaceUnknown(str(namespace)))
    return await services.database.read(_page, str(namespace), after, limit)


async def show(services: Services, subject: Subject, name: AccountName) -> Robot:
    """The robot of this name, and what was granted to it.

    Raises:
        AccountUnknown: there is none, or it is somebody else's.
    """
    await _require_keeper(services, subject, name)
    return await services.database.read(_show, name)


async def disable(services: Services, subject: Subject, name: AccountName) -> None:
    """Take all rights from a robot, at once and everywhere. May be repeated.

    Raises:
        AccountUnknown: there is none, or it is somebody else's.
    """
    await _require_keeper(services, subject, name)
    await services.database.write(_disable, name, str(subject))


async def enable(services: Services, subject: Subject, name: AccountName) -> None:
    """Give a robot its rights again; its tokens are good again, too. May be repeated.

    Raises:
        AccountUnknown: there is none, or it is somebody else's.
        PasswordRequired, LoginFailed: `subject` has not proved a password, or it proves them no more.
    """
    await _require_keeper(services, subject, name)
    require_password(subject)
    await services.database.write(_enable, name, subject)


async def remove(services: Services, subject: Subject, name: AccountName) -> None:
    """Remove a robot with its tokens and what was granted to it.

    Raises:
        AccountUnknown: there is none, or it is somebody else's.
    """
    await _require_keeper(services, subject, name)
    await services.database.write(_remove, name, str(subject))


async def _require_keeper(services: Services, subject: Subject, name: AccountName) -> None:
    """Return when the name is a robot's that `subject` looks after, whether there is one or not."""
    if not name.is_robot:
        raise AccountUnknown(str(name))
    await require_keeper(services, subject, name)


def _create(
    tx: Transaction, name: AccountName, roles: Sequence[RoleWish], token: TokenWish | None, *, subject: Subject
) -> tuple[Robot, tuple[str, Credential] | None]:
    require_standing_proof(tx, subject)
    namespace, moment, actor = tx.namespaces.find(name.namespace), now(), str(subject)
    if namespace is None:
        raise NamespaceUnknown(name.namespace)
    # Else several that are made at once would not count each other.
    tx.namespaces.lock(namespace.id)
    if tx.robots.count(namespace.name) >= limits.ROBOTS_PER_NAMESPACE:
        raise RobotsTooMany(namespace.name, limits.ROBOTS_PER_NAMESPACE)
    new = NewAccount(
        name=str(name), kind=AccountKind.ROBOT, namespace_id=namespace.id, created_at=moment, created_by=actor
    )
    account = tx.accounts.make(new)
    if account is None:
        raise NameTaken(str(name))
    _record(tx, audit.Action.ACCOUNT_MADE, name, actor)
    for wish in roles:
        grants.give(tx, Grantee(name), wish.role, wish.pattern, actor=actor)
    made = credentials.make(tx, name, token, subject) if token is not None else None
    return Robot(account, tx.grants.of_account(account.id)), made


def _page(tx: Transaction, namespace: str, after: str, limit: int) -> list[Account]:
    if tx.namespaces.find(namespace) is None:
        raise NamespaceUnknown(namespace)
    return tx.robots.page_of(namespace, limit, after=after)


def _show(tx: Transaction, name: AccountName) -> Robot:
    account = found(tx, name)
    return Robot(account, tx.grants.of_account(account.id))


def _disable(tx: Transaction, name: AccountName, actor: str) -> None:
    if tx.accounts.disable(found(tx, name).id):
        _record(tx, audit.Action.ACCOUNT_DISABLED, name, actor)


def _enable(tx: Transaction, name: AccountName, subject: Subject) -> None:
    require_standing_proof(tx, subject)
    if tx.accounts.enable(found(tx, name).id):
        _record(tx, audit.Action.ACCOUNT_ENABLED, name, str(subject))


def _remove(tx: Transaction, name: AccountName, actor: str) -> None:
    tx.accounts.remove(found(tx, name).id)
    _record(tx, audit.Action.ACCOUNT_REMOVED, name, actor)


def _record(tx: Transaction, action: audit.Action, name: AccountName, actor: str) -> None:
    audit.record(tx, action, actor=actor, target=str(name), moment=now())
