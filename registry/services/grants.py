"""Grants: the roles of accounts and teams in the repositories of patterns, given by whoever those belong to."""

from __future__ import annotations

from oci_spec.reference import RepositoryName
from registry import limits
from registry.auth.account_name import AccountName, TeamName
from registry.auth.grantee import Grantee
from registry.auth.pattern import RepositoryPattern
from registry.auth.permission import Permission
from registry.auth.roles import Role
from registry.auth.subject import Subject
from registry.errors import AccountUnknown, Denied, GrantUnknown, NamespaceUnknown, RobotOwner, TeamUnknown
from registry.metadata.account_rows import Grant, NewGrant, Team
from registry.metadata.transaction import Transaction
from registry.services import audit
from registry.services.accounts import found
from registry.services.context import Services, now
from registry.services.ownership import belongs


async def put(services: Services, subject: Subject, who: Grantee, role: Role, *, pattern: RepositoryPattern) -> None:
    """Let `who` be `role` in the repositories of `pattern`, in the place of what they were by the same pattern.

    Raises:
        AccountUnknown, TeamUnknown: there is no such account, or team, or `subject` may not know of it.
        NamespaceUnknown: nobody made the namespace that the pattern is in.
        RobotOwner: a robot would be an owner.
        Denied: the pattern means repositories of which `subject` does not own all.
    """
    await require_owner_of_all(services, subject, pattern)
    await require_sight(services, subject, who, pattern.namespace)
    await services.database.write(give, who, role, pattern, actor=str(subject))


async def listing(
    services: Services, subject: Subject, who: Grantee, *, after: RepositoryPattern | None = None, limit: int
) -> list[Grant]:
    """Up to `limit` of what was granted to `who` itself, as far as that is for `subject` to know.

    By namespace and pattern, beginning after the grant by the pattern `after`.

    All of it to the account, to who owns its or the team's namespace, and to administrators; to others what they may
    take back, which is nothing of an account that does not exist.

    Raises:
        AccountUnknown, TeamUnknown: there is no such account, or team, and `subject` may know.
        Denied: the policy does not allow it.
    """
    if subject.name == str(who) or await services.policy.owns(subject, who.namespace):
        return await services.database.read(_page, who, after, limit)
    try:
        return await _takeable(services, subject, who, after=after, limit=limit)
    except (AccountUnknown, TeamUnknown):
        return []


async def remove(services: Services, subject: Subject, who: Grantee, pattern: RepositoryPattern) -> None:
    """Take back what was granted to `who` by this very pattern.

    Raises:
        AccountUnknown, TeamUnknown: there is no such account, or team.
        GrantUnknown: nothing was, or `subject` may not know of whom it would have been to.
        Denied: the pattern means repositories of which `subject` does not own all.
    """
    await require_owner_of_all(services, subject, pattern)
    try:
        await services.database.write(_take_back, who, pattern, actor=str(subject))
    except (AccountUnknown, TeamUnknown):
        if await _may_know(services, subject, who, pattern.namespace):
            raise
        raise GrantUnknown(str(who), str(pattern)) from None


def give(tx: Transaction, who: Grantee, role: Role, pattern: RepositoryPattern, *, actor: str) -> None:
    """Grant a role, and put that down.

    Raises:
        AccountUnknown, TeamUnknown: there is no such account, or team.
        NamespaceUnknown: nobody made the namespace that the pattern is in.
        RobotOwner: a robot would be an owner.
    """
    if role is Role.OWNER and isinstance(who.name, AccountName) and who.name.is_robot:
        raise RobotOwner(str(who))
    (account_id, team_id), moment = _ids(tx, who), now()
    if pattern.namespace is not None and tx.namespaces.keep(pattern.namespace) is None:
        raise NamespaceUnknown(pattern.namespace)
    tx.grants.set(
        NewGrant(
            account_id=account_id,
            team_id=team_id,
            pattern=str(pattern),
            bucket=pattern.bucket,
            role=role,
            created_at=moment,
            created_by=actor,
        )
    )
    detail = {"role": str(role), "repository": str(pattern)}
    audit.record(tx, audit.Action.ROLE_GRANTED, actor=actor, target=str(who), moment=moment, detail=detail)


def end(tx: Transaction, grant: Grant, who: str, *, actor: str) -> None:
    """Take back this grant of `who`, and put that down."""
    tx.grants.remove(grant.id)
    detail = {"repository": grant.pattern}
    audit.record(tx, audit.Action.ROLE_TAKEN_BACK, actor=actor, target=who, moment=now(), detail=detail)


async def require_owner_of_all(services: Services, subject: Subject, pattern: RepositoryPattern) -> None:
    """Return when all that the pattern means, repositories to come too, is the subject's.

    Raises:
        Denied: it is not.
    """
    if not await _owns_all(services, subject, pattern):
        raise Denied


async def require_sight(services: Services, subject: Subject, who: Grantee, namespace: str | None) -> None:
    """Return when `subject`, who grants something in `namespace`, may know of `who`, if there is such; otherwise raise.

    Of people everybody may. Of the robots and teams of another namespace, who belongs to it: to others they are as if
    they were not there.

    Raises:
        AccountUnknown, TeamUnknown: they may not.
    """
    if not await _may_know(services, subject, who, namespace):
        raise TeamUnknown(str(who.name)) if isinstance(who.name, TeamName) else AccountUnknown(str(who.name))


async def _may_know(services: Services, subject: Subject, who: Grantee, namespace: str | None) -> bool:
    is_person = isinstance(who.name, AccountName) and not who.name.is_robot
    if is_person or who.namespace == namespace:
        return True
    return await services.policy.owns(subject, who.namespace) or await belongs(services, subject, who.namespace)


async def _owns_all(services: Services, subject: Subject, pattern: RepositoryPattern) -> bool:
    """Whether all that the pattern means, repositories to come too, is the subject's."""
    if pattern.is_name:
        return await services.policy.allows(subject, Permission.OWN, RepositoryName.parse(pattern.text))
    if pattern.namespace is not None:
        return await services.policy.owns(subject, pattern.namespace)
    return await services.policy.allows(subject, Permission.ADMINISTER, None)


async def _takeable(
    services: Services, subject: Subject, who: Grantee, *, after: RepositoryPattern | None, limit: int
) -> list[Grant]:
    """A page of the grants that are the subject's to take back.

    It is filled however many others stand between them: where a page ended before, its end would tell of one of those.
    """
    found: list[Grant] = []
    while len(found) < limit:
        part = await services.database.read(_page, who, after, limits.GRANT_BATCH)
        for grant in part:
            after = RepositoryPattern(grant.pattern)
            if await _owns_all(services, subject, after):
                found.append(grant)
        if len(part) < limits.GRANT_BATCH:
            break
    return found[:limit]


def _page(tx: Transaction, who: Grantee, after: RepositoryPattern | None, limit: int) -> list[Grant]:
    begin = ("", "") if after is None else (after.bucket, str(after))
    account_id, team_id = _ids(tx, who)
    if account_id is not None:
        return tx.grants.page_of_account(account_id, begin, limit)
    return tx.grants.page_of_team(team_id, begin, limit) if team_id is not None else []


def _take_back(tx: Transaction, who: Grantee, pattern: RepositoryPattern, *, actor: str) -> None:
    standing = _standing(tx, who, pattern)
    if standing is None:
        raise GrantUnknown(str(who), str(pattern))
    end(tx, standing, str(who), actor=actor)


def _standing(tx: Transaction, who: Grantee, pattern: RepositoryPattern) -> Grant | None:
    account_id, team_id = _ids(tx, who)
    if account_id is not None:
        return tx.grants.by_pattern_of_account(account_id, pattern.bucket, str(pattern))
    return tx.grants.by_pattern_of_team(team_id, pattern.bucket, str(pattern)) if team_id is not None else None


def _ids(tx: Transaction, who: Grantee) -> tuple[int | None, int | None]:
    """The id of the account, or of the team."""
    if isinstance(who.name, AccountName):
        return found(tx, who.name).id, None
    return None, _team(tx, who.name).id


def _team(tx: Transaction, name: TeamName) -> Team:
    organisation = tx.namespaces.find(str(name.organisation))
    team = tx.teams.find(organisation.id, name.team) if organisation is not None else None
    if team is None:
        raise TeamUnknown(str(name))
    return team
