"""Teams of organisations: people and robots who are granted roles together."""

from __future__ import annotations

from collections.abc import Sequence

from registry import limits
from registry.auth.account_name import AccountName, TeamName
from registry.auth.subject import Subject
from registry.errors import MemberUnknown, NameTaken, OrganisationUnknown, TeamsTooMany, TeamUnknown
from registry.metadata.account_rows import Account, Namespace, Team
from registry.metadata.transaction import Transaction
from registry.services import audit, organisations
from registry.services.context import Services, now
from registry.services.ownership import require_owner


async def create(services: Services, subject: Subject, name: TeamName) -> Team:
    """The team that is made, with nobody in it.

    Raises:
        OrganisationUnknown: there is no such organisation, or `subject` may not know of it.
        NameTaken: it has a team of this name.
        TeamsTooMany: it has as many as it can have.
        Denied: `subject` belongs to it, and does not own it.
    """
    await _require_owner(services, subject, name)
    return await services.database.write(_create, name, str(subject))


async def listing(
    services: Services, subject: Subject, organisation: AccountName, *, after: str = "", limit: int
) -> Sequence[Team]:
    """Up to `limit` teams of the organisation in the byte order of their names, those after `after`.

    Raises:
        OrganisationUnknown: there is no such organisation, or `subject` may not know of it.
    """
    await organisations.require_sight(services, subject, organisation)
    return await services.database.read(_page, organisation, after, limit)


async def show(services: Services, subject: Subject, name: TeamName) -> Team:
    """The team of this name.

    Raises:
        OrganisationUnknown: there is no such organisation, or `subject` may not know of it.
        TeamUnknown: it has no such team.
    """
    await organisations.require_sight(services, subject, name.organisation)
    return await services.database.read(_found, name)


async def members(
    services: Services, subject: Subject, name: TeamName, *, after: str = "", limit: int
) -> Sequence[str]:
    """Up to `limit` names of people and robots in the team, in their byte order, those after `after`.

    Raises:
        OrganisationUnknown: there is no such organisation, or `subject` may not know of it.
        TeamUnknown: it has no such team.
    """
    await organisations.require_sight(services, subject, name.organisation)
    return await services.database.read(_members, name, after, limit)


async def remove(services: Services, subject: Subject, name: TeamName) -> None:
    """Remove a team with what was granted to it.

    Raises:
        OrganisationUnknown: there is no such organisation, or `subject` may not know of it.
        TeamUnknown: it has no such team.
        Denied: `subject` belongs to it, and does not own it.
    """
    await _require_owner(services, subject, name)
    await services.database.write(_remove, name, str(subject))


async def add_member(services: Services, subject: Subject, name: TeamName, who: AccountName) -> None:
    """Take somebody into the team: a person who belongs to its organisation, or a robot of that. May be repeated.

    Raises:
        OrganisationUnknown: there is no such organisation, or `subject` may not know of it.
        TeamUnknown: it has no such team.
        MemberUnknown: nobody of this name belongs to it.
        Denied: `subject` belongs to it, and does not own it.
    """
    await _require_owner(services, subject, name)
    await services.database.write(_add_member, name, who, str(subject))


async def remove_member(services: Services, subject: Subject, name: TeamName, who: AccountName) -> None:
    """Take somebody out of the team.

    Raises:
        OrganisationUnknown: there is no such organisation, or `subject` may not know of it.
        TeamUnknown: it has no such team.
        MemberUnknown: nobody of this name is in it.
        Denied: `subject` belongs to it, and does not own it.
    """
    await _require_owner(services, subject, name)
    await services.database.write(_remove_member, name, who, str(subject))


async def _require_owner(services: Services, subject: Subject, name: TeamName) -> None:
    organisation = str(name.organisation)
    await require_owner(services, subject, organisation, OrganisationUnknown(organisation))


def _create(tx: Transaction, name: TeamName, actor: str) -> Team:
    organisation, moment = organisations.found(tx, name.organisation), now()
    # Else several that are made at once would not count each other.
    tx.namespaces.lock(organisation.id)
    if tx.teams.count(organisation.id) >= limits.TEAMS_PER_ORGANISATION:
        raise TeamsTooMany(organisation.name, limits.TEAMS_PER_ORGANISATION)
    made = tx.teams.make(organisation.id, name.team, moment)
    if made is None:
        raise NameTaken(str(name))
    audit.record(tx, audit.Action.TEAM_MADE, actor=actor, target=str(name), moment=moment)
    return made


def _page(tx: Transaction, organisation: AccountName, after: str, limit: int) -> Sequence[Team]:
    return tx.teams.page(organisations.found(tx, organisation).id, limit, after=after)


def _found(tx: Transaction, name: TeamName) -> Team:
    team = tx.teams.find(organisations.found(tx, name.organisation).id, name.team)
    if team is None:
        raise TeamUnknown(str(name))
    return team


def _members(tx: Transaction, name: TeamName, after: str, limit: int) -> Sequence[str]:
    return tx.teams.member_page(_found(tx, name).id, limit, after=after)


def _remove(tx: Transaction, name: TeamName, actor: str) -> None:
    tx.teams.remove(_found(tx, name).id)
    audit.record(tx, audit.Action.TEAM_REMOVED, actor=actor, target=str(name), moment=now())


def _add_member(tx: Transaction, name: TeamName, who: AccountName, actor: str) -> None:
    organisation, team = organisations.found(tx, name.organisation), _found(tx, name)
    account = tx.accounts.find(str(who))
    if account is None or not _belongs(tx, organisation, account):
        raise MemberUnknown(organisation.name, str(who))
    if tx.teams.add_member(team.id, account.id):
        _record(tx, audit.Action.TEAM_JOINED, name, who, actor=actor)


def _remove_member(tx: Transaction, name: TeamName, who: AccountName, actor: str) -> None:
    team, account = _found(tx, name), tx.accounts.find(str(who))
    if account is None or not tx.teams.remove_member(team.id, account.id):
        raise MemberUnknown(str(name), str(who))
    _record(tx, audit.Action.TEAM_LEFT, name, who, actor=actor)


def _belongs(tx: Transaction, organisation: Namespace, account: Account) -> bool:
    return account.namespace_id == organisation.id or tx.namespaces.has_member(organisation.name, account.id)


def _record(tx: Transaction, action: audit.Action, name: TeamName, who: AccountName, *, actor: str) -> None:
    audit.record(tx, action, actor=actor, target=str(name), moment=now(), detail={"member": str(who)})
