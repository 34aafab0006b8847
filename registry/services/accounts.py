"""The accounts of people: each with a namespace of its own, looked after by whoever administers the registry."""

from __future__ import annotations

from collections.abc import Callable

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.permission import Permission
from registry.auth.policy import require
from registry.auth.secret_text import SecretKind
from registry.auth.subject import Subject
from registry.errors import AccountNameInvalid, AccountUnknown, LastAdministrator, NameTaken
from registry.metadata.account_rows import Account, AccountKind, NamespaceKind, NewAccount
from registry.metadata.transaction import Transaction
from registry.services import audit
from registry.services.context import Services, now


async def add(
    services: Services, subject: Subject, name: AccountName, password_hash: str | None, *, is_admin: bool = False
) -> Account:
    """The account that is made for a person, who owns the namespace of its name from then on.

    Raises:
        AccountNameInvalid: the name is a robot's.
        NameTaken: a user or an organisation has it.
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    if name.is_robot:
        raise AccountNameInvalid(str(name), limits.ACCOUNT_NAME_CHARACTERS)
    return await services.database.write(_add, name, password_hash, is_admin=is_admin, actor=str(subject))


async def listing(services: Services, subject: Subject, *, after: str = "", limit: int) -> list[Account]:
    """Up to `limit` accounts in the byte order of their names, robots too, those after `after`.

    Raises:
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    return await services.database.read(lambda tx: tx.accounts.page(limit, after=after))


async def show(services: Services, subject: Subject, name: AccountName) -> Account:
    """The account of this name.

    Raises:
        AccountUnknown: there is none.
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    return await services.database.read(found, name)


async def set_password(services: Services, subject: Subject, name: AccountName, password_hash: str) -> None:
    """Replace a person's password; what the old one proved, logins that are remembered too, falls at once.

    Raises:
        AccountUnknown: nobody has this name.
        Denied: the policy does not allow it.
    """
    await _change(services, subject, _set_password, name, password_hash)


async def disable(services: Services, subject: Subject, name: AccountName) -> None:
    """Take all rights from an account, at once and everywhere. May be repeated.

    Raises:
        AccountUnknown: there is none.
        LastAdministrator: nobody else administers the registry.
        Denied: the policy does not allow it.
    """
    await _change(services, subject, _disable, name)


async def enable(services: Services, subject: Subject, name: AccountName) -> None:
    """Give an account its rights again; what was proved before it was disabled stays fallen. May be repeated.

    Raises:
        AccountUnknown: there is none.
        Denied: the policy does not allow it.
    """
    await _change(services, subject, _enable, name)


async def make_administrator(services: Services, subject: Subject, name: AccountName) -> None:
    """Let a person do everything. May be repeated.

    Raises:
        AccountUnknown: nobody has this name.
        Denied: the policy does not allow it.
    """
    await _change(services, subject, _make_administrator, name)


async def unmake_administrator(services: Services, subject: Subject, name: AccountName) -> None:
    """Leave a person only what they own and are granted. May be repeated.

    Raises:
        AccountUnknown: nobody has this name.
        LastAdministrator: nobody else administers the registry.
        Denied: the policy does not allow it.
    """
    await _change(services, subject, _unmake_administrator, name)


async def remove(services: Services, subject: Subject, name: AccountName) -> None:
    """Remove a person's account with its credentials, grants and robots; its namespace too, if it has no repositories.

    Raises:
        AccountUnknown: nobody has this name.
        LastAdministrator: nobody else administers the registry.
        Denied: the policy does not allow it.
    """
    await _change(services, subject, _remove, name)


def found(tx: Transaction, name: AccountName) -> Account:
    """The account of this name.

    Raises:
        AccountUnknown: there is none.
    """
    account = tx.accounts.find(str(name))
    if account is None:
        raise AccountUnknown(str(name))
    return account


def found_person(tx: Transaction, name: AccountName) -> Account:
    """The account of the person of this name.

    Raises:
        AccountUnknown: there is none.
    """
    account = found(tx, name)
    if account.kind is not AccountKind.USER:
        raise AccountUnknown(str(name))
    return account


def forget_namespace(tx: Transaction, namespace_id: int, name: str) -> bool:
    """Remove a namespace that has no repositories, with the grants in it; False if it has some."""
    if not tx.namespaces.remove(namespace_id):
        return False
    # Whoever has the name next does not give what was granted before.
    for grant in tx.grants.in_namespace(name):
        tx.grants.remove(grant.id)
    return True


async def _change(
    services: Services,
    subject: Subject,
    unit: Callable[..., None],
    name: AccountName,
    *values: str,
) -> None:
    await require(services.policy, subject, Permission.ADMINISTER, None)
    await services.database.write(unit, name, *values, actor=str(subject))


def _add(tx: Transaction, name: AccountName, password_hash: str | None, *, is_admin: bool, actor: str) -> Account:
    moment = now()
    namespace = tx.namespaces.make(str(name), NamespaceKind.USER, moment)
    account = tx.accounts.make(
        NewAccount(
            name=str(name),
            kind=AccountKind.USER,
            password_hash=password_hash,
            is_admin=is_admin,
            created_at=moment,
            created_by=actor,
        )
    )
    if namespace is None or account is None:
        raise NameTaken(str(name))
    tx.namespaces.set_member(namespace.id, account.id, is_owner=True, now=moment)
    _record(tx, audit.Action.ACCOUNT_MADE, name, actor)
    if is_admin:
        _record(tx, audit.Action.ADMINISTRATOR_MADE, name, actor)
    return account


def _set_password(tx: Transaction, name: AccountName, password_hash: str, *, actor: str) -> None:
    account = found_person(tx, name)
    tx.accounts.set_password(account.id, password_hash)
    tx.credentials.revoke_kind(account.id, SecretKind.REFRESH, now())
    _record(tx, audit.Action.CREDENTIALS_CHANGED, name, actor)


def _disable(tx: Transaction, name: AccountName, *, actor: str) -> None:
    account = found(tx, name)
    _keep_an_administrator(tx, account)
    if tx.accounts.disable(account.id):
        _record(tx, audit.Action.ACCOUNT_DISABLED, name, actor)


def _enable(tx: Transaction, name: AccountName, *, actor: str) -> None:
    if tx.accounts.enable(found(tx, name).id):
        _record(tx, audit.Action.ACCOUNT_ENABLED, name, actor)


def _make_administrator(tx: Transaction, name: AccountName, *, actor: str) -> None:
    account = found_person(tx, name)
    if not account.is_admin:
        tx.accounts.set_admin(account.id, is_admin=True)
        _record(tx, audit.Action.ADMINISTRATOR_MADE, name, actor)


def _unmake_administrator(tx: Transaction, name: AccountName, *, actor: str) -> None:
    account = found_person(tx, name)
    _keep_an_administrator(tx, account)
    if account.is_admin:
        tx.accounts.set_admin(account.id, is_admin=False)
        _record(tx, audit.Action.ADMINISTRATOR_UNMADE, name, actor)


def _remove(tx: Transaction, name: AccountName, *, actor: str) -> None:
    account = found_person(tx, name)
    _keep_an_administrator(tx, account)
    tx.accounts.remove(account.id)
    namespace = tx.namespaces.find(str(name))
    if namespace is not None and not forget_namespace(tx, namespace.id, namespace.name):
        for robot in tx.accounts.robots_of(namespace.id):
            tx.accounts.remove(robot.id)
    _record(tx, audit.Action.ACCOUNT_REMOVED, name, actor)


def _keep_an_administrator(tx: Transaction, account: Account) -> None:
    if account.is_admin and tx.accounts.lock_admins() == [account.id]:
        raise LastAdministrator(account.name)


def _record(tx: Transaction, action: audit.Action, name: AccountName, actor: str) -> None:
    audit.record(tx, action, actor=actor, target=str(name), moment=now())
