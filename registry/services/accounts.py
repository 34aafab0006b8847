"""The accounts of people: each with a namespace of its own, looked after by administrators and, in part, by its owner.

`registry.services.account_access` says by whom, and with what proof.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.permission import Permission
from registry.auth.policy import require, require_password
from registry.auth.secret_text import SecretKind
from registry.auth.subject import Subject
from registry.errors import AccountNameInvalid, AccountUnknown, LastAdministrator, NameTaken, PasswordElsewhere
from registry.metadata.account_rows import LOCAL, Account, AccountKind, NamespaceKind, NewAccount
from registry.metadata.transaction import Transaction
from registry.services import audit
from registry.services.account_access import require_keeper, require_standing_proof
from registry.services.context import Services, now

Unit = Callable[[Transaction, AccountName, str], None]


async def add(
    services: Services, subject: Subject, name: AccountName, password: str | None, *, is_admin: bool = False
) -> Account:
    """The account that is made for a person, who owns the namespace of its name from then on.

    Without a password, nobody can log in to it yet. `registry.auth.passwords.check_new` has let a given one pass.

    Raises:
        AccountNameInvalid: the name is a robot's.
        NameTaken: a user or an organisation has it.
        TooManyRequests: too many other passwords are being hashed.
        Denied, PasswordRequired, LoginFailed: it is not allowed, to this proof or any more.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    require_password(subject)
    if name.is_robot:
        raise AccountNameInvalid(str(name), limits.ACCOUNT_NAME_CHARACTERS)
    password_hash = await services.passwords.hash(password) if password is not None else None
    return await services.database.write(_add, name, password_hash, is_admin=is_admin, subject=subject)


async def listing(
    services: Services, subject: Subject, *, after: str = "", text: str = "", limit: int
) -> list[Account]:
    """Up to `limit` accounts in the byte order of their names, robots too: those after `after` that contain `text`.

    Raises:
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    return await services.database.read(lambda tx: tx.accounts.page(limit, after=after, text=text))


async def show(services: Services, subject: Subject, name: AccountName) -> Account:
    """The account of this name.

    Raises:
        AccountUnknown: there is none, or it is somebody else's.
        Denied: the credential does not reach this far.
    """
    await require_keeper(services, subject, name)
    return await services.database.read(found, name)


async def set_password(services: Services, subject: Subject, name: AccountName, password: str) -> None:
    """Replace a person's password; what the old one proved, logins that are remembered too, falls at once.

    Whoever replaces their own has proved the present one by making the request.

    Raises:
        AccountUnknown: nobody has this name, or it is somebody else's.
        PasswordElsewhere: another source keeps it.
        TooManyRequests: too many other passwords are being hashed.
        Denied, PasswordRequired, LoginFailed: it is not allowed, to this proof or any more.
    """
    await require_keeper(services, subject, name)
    require_password(subject)
    password_hash = await services.passwords.hash(password)
    await services.database.write(_set_password, name, password_hash, subject)


async def disable(services: Services, subject: Subject, name: AccountName) -> None:
    """Take all rights from an account, at once and everywhere. May be repeated.

    Raises:
        AccountUnknown: there is none.
        LastAdministrator: nobody else administers the registry.
        Denied: the policy does not allow it.
    """
    await _change(services, subject, name, _disable)


async def enable(services: Services, subject: Subject, name: AccountName) -> None:
    """Give an account its rights again; what was proved before it was disabled stays fallen. May be repeated.

    Raises:
        AccountUnknown: there is none.
        Denied, PasswordRequired, LoginFailed: it is not allowed, to this proof or any more.
    """
    await _change(services, subject, name, _enable)


async def make_administrator(services: Services, subject: Subject, name: AccountName) -> None:
    """Let a person do everything. May be repeated.

    Raises:
        AccountUnknown: nobody has this name.
        Denied, PasswordRequired, LoginFailed: it is not allowed, to this proof or any more.
    """
    await _change(services, subject, name, _make_administrator)


async def unmake_administrator(services: Services, subject: Subject, name: AccountName) -> None:
    """Leave a person only what they own and are granted. May be repeated.

    Raises:
        AccountUnknown: nobody has this name.
        LastAdministrator: nobody else administers the registry.
        Denied: the policy does not allow it.
    """
    await _change(services, subject, name, _unmake_administrator)


async def change(
    services: Services, subject: Subject, name: AccountName, *, is_disabled: bool | None, is_admin: bool | None
) -> None:
    """Let an account stand as it is said, all or nothing of it; None leaves it as it is. May be repeated.

    Raises:
        AccountUnknown, LastAdministrator, Denied, PasswordRequired, LoginFailed: as each of the four above does.
    """
    units: list[Unit] = []
    if is_disabled is not None:
        units.append(_disable if is_disabled else _enable)
    if is_admin is not None:
        units.append(_make_administrator if is_admin else _unmake_administrator)
    await _change(services, subject, name, *units)


async def remove(services: Services, subject: Subject, name: AccountName) -> None:
    """Remove a person's account with its credentials, grants and robots; its namespace too, if it has no repositories.

    Raises:
        AccountUnknown: nobody has this name.
        LastAdministrator: nobody else administers the registry.
        Denied: the policy does not allow it.
    """
    await _change(services, subject, name, _remove)


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


def make_person(tx: Transaction, new: NewAccount) -> Account:
    """The account that is made for a person, who owns the namespace of its name from then on.

    Raises:
        NameTaken: a user or an organisation has it.
    """
    namespace = tx.namespaces.make(new.name, NamespaceKind.USER, new.created_at)
    account = tx.accounts.make(new) if namespace is not None else None
    if namespace is None or account is None:
        raise NameTaken(new.name)
    tx.namespaces.set_member(namespace.id, account.id, is_owner=True, now=new.created_at)
    audit.record(tx, audit.Action.ACCOUNT_MADE, actor=new.created_by, target=new.name, moment=new.created_at)
    return account


def forget_namespace(tx: Transaction, namespace_id: int, name: str) -> bool:
    """Remove a namespace that has no repositories, with the grants in it; False if it has some."""
    if not tx.namespaces.remove(namespace_id):
        return False
    # Whoever has the name next does not give what was granted before.
    for grant in tx.grants.in_namespace(name):
        tx.grants.remove(grant.id)
    return True


async def _change(services: Services, subject: Subject, name: AccountName, *units: Unit) -> None:
    await require(services.policy, subject, Permission.ADMINISTER, None)
    gives = not _GIVING.isdisjoint(units)
    if gives:
        require_password(subject)
    await services.database.write(_all, name, units, subject, gives=gives)


def _all(tx: Transaction, name: AccountName, units: tuple[Unit, ...], subject: Subject, *, gives: bool) -> None:
    found(tx, name)
    if gives:
        require_standing_proof(tx, subject)
    for unit in units:
        unit(tx, name, str(subject))


def _add(tx: Transaction, name: AccountName, password_hash: str | None, *, is_admin: bool, subject: Subject) -> Account:
    require_standing_proof(tx, subject)
    actor = str(subject)
    account = make_person(
        tx,
        NewAccount(
            name=str(name),
            kind=AccountKind.USER,
            password_hash=password_hash,
            is_admin=is_admin,
            created_at=now(),
            created_by=actor,
        ),
    )
    if is_admin:
        _record(tx, audit.Action.ADMINISTRATOR_MADE, name, actor)
    return account


def _set_password(tx: Transaction, name: AccountName, password_hash: str, subject: Subject) -> None:
    tx.accounts.lock(str(name))
    require_standing_proof(tx, subject)
    account = found_person(tx, name)
    if account.source != LOCAL:
        raise PasswordElsewhere(str(name), account.source)
    tx.accounts.set_password(account.id, password_hash)
    tx.credentials.revoke_kind(account.id, SecretKind.REFRESH, now())
    _record(tx, audit.Action.CREDENTIALS_CHANGED, name, str(subject))


def _disable(tx: Transaction, name: AccountName, actor: str) -> None:
    account = found(tx, name)
    _keep_an_administrator(tx, account)
    if tx.accounts.disable(account.id):
        _record(tx, audit.Action.ACCOUNT_DISABLED, name, actor)


def _enable(tx: Transaction, name: AccountName, actor: str) -> None:
    if tx.accounts.enable(found(tx, name).id):
        _record(tx, audit.Action.ACCOUNT_ENABLED, name, actor)


def _make_administrator(tx: Transaction, name: AccountName, actor: str) -> None:
    account = found_person(tx, name)
    if not account.is_admin:
        tx.accounts.set_admin(account.id, is_admin=True)
        _record(tx, audit.Action.ADMINISTRATOR_MADE, name, actor)


def _unmake_administrator(tx: Transaction, name: AccountName, actor: str) -> None:
    account = found_person(tx, name)
    _keep_an_administrator(tx, account)
    if account.is_admin:
        tx.accounts.set_admin(account.id, is_admin=False)
        _record(tx, audit.Action.ADMINISTRATOR_UNMADE, name, actor)


def _remove(tx: Transaction, name: AccountName, actor: str) -> None:
    account = found_person(tx, name)
    _keep_an_administrator(tx, account)
    tx.accounts.remove(account.id)
    namespace = tx.namespaces.find(str(name))
    if namespace is not None and not forget_namespace(tx, namespace.id, namespace.name):
        for robot in tx.accounts.robots_of(namespace.id):
            tx.accounts.remove(robot.id)
    _record(tx, audit.Action.ACCOUNT_REMOVED, name, actor)


def _keep_an_administrator(tx: Transaction, account: Account) -> None:
    # Locked whatever was read: the account may have been made an administrator since, and all others less.
    if tx.accounts.lock_admins() == [account.id]:
        raise LastAdministrator(account.name)


def _record(tx: Transaction, action: audit.Action, name: AccountName, actor: str) -> None:
    audit.record(tx, action, actor=actor, target=str(name), moment=now())


_GIVING: Final = frozenset({_enable, _make_administrator})
