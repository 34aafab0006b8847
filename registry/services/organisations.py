"""Organisations: namespaces that several people share, looked after by whoever administers the registry."""

from __future__ import annotations

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.permission import Permission
from registry.auth.policy import require
from registry.auth.subject import Subject
from registry.errors import AccountNameInvalid, AccountUnknown, NameTaken, OrganisationNotEmpty, OrganisationUnknown
from registry.metadata.account_rows import Member, Namespace, NamespaceKind
from registry.metadata.transaction import Transaction
from registry.services import audit
from registry.services.accounts import forget_namespace, found_person
from registry.services.context import Services, now


async def create(services: Services, subject: Subject, name: AccountName) -> None:
    """Make an organisation, to which nobody belongs yet.

    Raises:
        AccountNameInvalid: the name is a robot's.
        NameTaken: a user or an organisation has it.
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    if name.is_robot:
        raise AccountNameInvalid(str(name), limits.ACCOUNT_NAME_CHARACTERS)
    await services.database.write(_create, name, str(subject))


async def members(services: Services, subject: Subject, name: AccountName) -> list[Member]:
    """All who belong to the organisation, by name.

    Raises:
        OrganisationUnknown: there is none of this name.
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    return await services.database.read(_members, name)


async def remove(services: Services, subject: Subject, name: AccountName) -> None:
    """Remove an organisation with its teams, robots and the grants in it.

    Raises:
        OrganisationUnknown: there is none of this name.
        OrganisationNotEmpty: it has repositories.
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    await services.database.write(_remove, name, str(subject))


async def set_member(
    services: Services, subject: Subject, name: AccountName, person: AccountName, *, is_owner: bool
) -> None:
    """Let a person belong to the organisation, as an owner of all its repositories or not. May be repeated.

    Raises:
        OrganisationUnknown, AccountUnknown: there is none of this name.
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    await services.database.write(_set_member, name, person, is_owner=is_owner, actor=str(subject))


async def remove_member(services: Services, subject: Subject, name: AccountName, person: AccountName) -> None:
    """Let a person belong to the organisation and its teams no more; what was granted to the person itself stays.

    Raises:
        OrganisationUnknown: there is none of this name.
        AccountUnknown: nobody of this name belongs to it.
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    await services.database.write(_remove_member, name, person, str(subject))


def _create(tx: Transaction, name: AccountName, actor: str) -> None:
    moment = now()
    if tx.namespaces.make(str(name), NamespaceKind.ORGANISATION, moment) is None:
        raise NameTaken(str(name))
    audit.record(tx, audit.Action.ORGANISATION_MADE, actor=actor, target=str(name), moment=moment)


def _members(tx: Transaction, name: AccountName) -> list[Member]:
    return tx.namespaces.members(_found(tx, name).id)


def _remove(tx: Transaction, name: AccountName, actor: str) -> None:
    if not forget_namespace(tx, _found(tx, name).id, str(name)):
        raise OrganisationNotEmpty(str(name))
    audit.record(tx, audit.Action.ORGANISATION_REMOVED, actor=actor, target=str(name), moment=now())


def _set_member(tx: Transaction, name: AccountName, person: AccountName, *, is_owner: bool, actor: str) -> None:
    moment = now()
    account = found_person(tx, person)
    tx.namespaces.set_member(_found(tx, name).id, account.id, is_owner=is_owner, now=moment)
    detail = {"member": str(person), "as": "owner" if is_owner else "member"}
    audit.record(tx, audit.Action.MEMBER_SET, actor=actor, target=str(name), moment=moment, detail=detail)


def _remove_member(tx: Transaction, name: AccountName, person: AccountName, actor: str) -> None:
    organisation, account = _found(tx, name), found_person(tx, person)
    if not tx.namespaces.remove_member(organisation.id, account.id):
        raise AccountUnknown(str(person))
    for team in tx.teams.list(organisation.id):
        tx.teams.remove_member(team.id, account.id)
    detail = {"member": str(person)}
    audit.record(tx, audit.Action.MEMBER_REMOVED, actor=actor, target=str(name), moment=now(), detail=detail)


def _found(tx: Transaction, name: AccountName) -> Namespace:
    namespace = tx.namespaces.find(str(name))
    if namespace is None or namespace.kind is not NamespaceKind.ORGANISATION:
        raise OrganisationUnknown(str(name))
    return namespace
