"""Organisations: namespaces that several people share. Their owners look after them, and administrators make them."""

from __future__ import annotations

from collections.abc import Sequence

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.permission import Permission
from registry.auth.policy import require
from registry.auth.subject import Subject, SubjectKind
from registry.errors import (
    AccountNameInvalid,
    LastOwner,
    MemberUnknown,
    NameTaken,
    OrganisationNotEmpty,
    OrganisationUnknown,
)
from registry.metadata.account_rows import Member, Namespace, NamespaceKind, OrganisationSummary
from registry.metadata.transaction import Transaction
from registry.services import audit
from registry.services.accounts import forget_namespace, found_person
from registry.services.context import Services, now
from registry.services.ownership import belongs, require_owner


async def create(services: Services, subject: Subject, name: AccountName) -> OrganisationSummary:
    """The organisation that is made, to which nobody belongs yet.

    Raises:
        AccountNameInvalid: the name is a robot's.
        NameTaken: a user or an organisation has it.
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    if name.is_robot:
        raise AccountNameInvalid(str(name), limits.ACCOUNT_NAME_CHARACTERS)
    return await services.database.write(_create, name, str(subject))


async def listing(
    services: Services, subject: Subject, *, after: str = "", limit: int
) -> Sequence[OrganisationSummary]:
    """Up to `limit` organisations in the byte order of their names, those after `after`.

    All of them to administrators, to others those that they belong to.
    """
    if await services.policy.allows(subject, Permission.ADMINISTER, None):
        return await services.database.read(lambda tx: tx.organisations.page(limit, after=after))
    account_id = subject.account_id
    if account_id is None:
        return []
    return await services.database.read(lambda tx: tx.organisations.page_of(account_id, limit, after=after))


async def show(services: Services, subject: Subject, name: AccountName) -> OrganisationSummary:
    """What there is to tell of an organisation, to all who belong to it.

    Raises:
        OrganisationUnknown: there is none of this name, or `subject` may not know of it.
    """
    await require_sight(services, subject, name)
    return await services.database.read(_summary, name)


async def members(
    services: Services, subject: Subject, name: AccountName, *, after: str = "", limit: int
) -> Sequence[Member]:
    """Up to `limit` who belong to the organisation, in the byte order of their names, those after `after`.

    Raises:
        OrganisationUnknown: there is none of this name, or `subject` may not know of it.
    """
    await require_sight(services, subject, name)
    return await services.database.read(_members, name, after, limit)


async def remove(services: Services, subject: Subject, name: AccountName) -> None:
    """Remove an organisation with its teams, robots and the grants in it.

    Raises:
        OrganisationUnknown: there is none of this name, or `subject` may not know of it.
        OrganisationNotEmpty: it has repositories.
        Denied: `subject` belongs to it, and does not own it.
    """
    await require_owner(services, subject, str(name), OrganisationUnknown(str(name)))
    await services.database.write(_remove, name, str(subject))


async def set_member(
    services: Services, subject: Subject, name: AccountName, person: AccountName, *, is_owner: bool
) -> None:
    """Let a person belong to the organisation, as an owner of all its repositories or not. May be repeated.

    Raises:
        OrganisationUnknown: there is none of this name, or `subject` may not know of it.
        AccountUnknown: nobody has the person's name.
        LastOwner: there would be no owner, which only administrators bring about.
        Denied: `subject` belongs to it, and does not own it.
    """
    await require_owner(services, subject, str(name), OrganisationUnknown(str(name)))
    may_leave_none = await services.policy.allows(subject, Permission.ADMINISTER, None)
    await services.database.write(
        _set_member, name, person, is_owner=is_owner, may_leave_none=may_leave_none, actor=str(subject)
    )


async def remove_member(services: Services, subject: Subject, name: AccountName, person: AccountName) -> None:
    """Let a person belong to the organisation and its teams no more; what was granted to the person itself stays.

    Everybody may leave.

    Raises:
        OrganisationUnknown: there is none of this name, or `subject` may not know of it.
        MemberUnknown: nobody of this name belongs to it.
        LastOwner: there would be no owner, which only administrators bring about.
        Denied: `subject` belongs to it, and does not own it.
    """
    if subject.kind is SubjectKind.USER and subject.name == str(person):
        await require_sight(services, subject, name)
    else:
        await require_owner(services, subject, str(name), OrganisationUnknown(str(name)))
    may_leave_none = await services.policy.allows(subject, Permission.ADMINISTER, None)
    await services.database.write(_remove_member, name, person, may_leave_none=may_leave_none, actor=str(subject))


async def require_sight(services: Services, subject: Subject, name: AccountName) -> None:
    """Return when `subject` may know of the organisation `name`, whether there is one or not; otherwise raise.

    Raises:
        OrganisationUnknown: they do not belong to it.
    """
    if not await services.policy.owns(subject, str(name)) and not await belongs(services, subject, str(name)):
        raise OrganisationUnknown(str(name))


def found(tx: Transaction, name: AccountName) -> Namespace:
    """The organisation of this name.

    Raises:
        OrganisationUnknown: there is none.
    """
    namespace = tx.namespaces.find(str(name))
    if namespace is None or namespace.kind is not NamespaceKind.ORGANISATION:
        raise OrganisationUnknown(str(name))
    return namespace


def _create(tx: Transaction, name: AccountName, actor: str) -> OrganisationSummary:
    moment = now()
    made = tx.namespaces.make(str(name), NamespaceKind.ORGANISATION, moment)
    if made is None:
        raise NameTaken(str(name))
    audit.record(tx, audit.Action.ORGANISATION_MADE, actor=actor, target=str(name), moment=moment)
    return OrganisationSummary(made.name, made.created_at, 0, 0, 0)


def _summary(tx: Transaction, name: AccountName) -> OrganisationSummary:
    summary = tx.organisations.summary(str(name))
    if summary is None:
        raise OrganisationUnknown(str(name))
    return summary


def _members(tx: Transaction, name: AccountName, after: str, limit: int) -> list[Member]:
    return tx.namespaces.member_page(found(tx, name).id, limit, after=after)


def _remove(tx: Transaction, name: AccountName, actor: str) -> None:
    if not forget_namespace(tx, found(tx, name).id, str(name)):
        raise OrganisationNotEmpty(str(name))
    audit.record(tx, audit.Action.ORGANISATION_REMOVED, actor=actor, target=str(name), moment=now())


def _set_member(
    tx: Transaction, name: AccountName, person: AccountName, *, is_owner: bool, may_leave_none: bool, actor: str
) -> None:
    moment, organisation, account = now(), found(tx, name), found_person(tx, person)
    if not is_owner and not may_leave_none:
        _keep_an_owner(tx, organisation, account.id, person)
    tx.namespaces.set_member(organisation.id, account.id, is_owner=is_owner, now=moment)
    detail = {"member": str(person), "as": "owner" if is_owner else "member"}
    audit.record(tx, audit.Action.MEMBER_SET, actor=actor, target=str(name), moment=moment, detail=detail)


def _remove_member(
    tx: Transaction, name: AccountName, person: AccountName, *, may_leave_none: bool, actor: str
) -> None:
    organisation, account = found(tx, name), tx.accounts.find(str(person))
    if account is None:
        raise MemberUnknown(str(name), str(person))
    if not may_leave_none:
        _keep_an_owner(tx, organisation, account.id, person)
    if not tx.namespaces.remove_member(organisation.id, account.id):
        raise MemberUnknown(str(name), str(person))
    for team in tx.teams.list(organisation.id):
        tx.teams.remove_member(team.id, account.id)
    detail = {"member": str(person)}
    audit.record(tx, audit.Action.MEMBER_REMOVED, actor=actor, target=str(name), moment=now(), detail=detail)


def _keep_an_owner(tx: Transaction, organisation: Namespace, account_id: int, person: AccountName) -> None:
    if tx.namespaces.lock_owners(organisation.id) == [account_id]:
        raise LastOwner(organisation.name, str(person))
