"""Teams: made and filled by the owners of their organisation, seen by its members, and granted roles together."""

from __future__ import annotations

import pytest

from oci_spec.reference import RepositoryName
from registry import limits
from registry.auth.account_name import AccountName, TeamName
from registry.auth.grantee import Grantee
from registry.auth.pattern import RepositoryPattern
from registry.auth.permission import Permission
from registry.auth.roles import Role
from registry.auth.rules import RulesPolicy
from registry.auth.subject import OPERATOR, Proof, Subject, SubjectKind
from registry.errors import Denied, MemberUnknown, NameTaken, OrganisationUnknown, TeamsTooMany, TeamUnknown
from registry.metadata.account_rows import Account
from registry.metadata.audit_values import AuditSearch
from registry.services import accounts, audit, grants, organisations, robots, teams
from registry.services.context import Services
from tests.registry.assembly import ON_SQLITE

TEAM, ALICE, BOB, EVE, CI = map(AccountName.parse, ("team", "alice", "bob", "eve", "team+ci"))
BUILDERS = TeamName.parse("team/builders")
APP = RepositoryName.parse("team/app")


def as_subject(account: Account) -> Subject:
    return Subject(SubjectKind(account.kind), account.name, account.id, Proof("password", account.generation))


@pytest.fixture
async def team(services: Services) -> Services:
    """A registry with rules and an organisation: Alice owns it, Bob belongs to it, Eve does not."""
    services.policy = RulesPolicy(services.database, anonymous_pull=True)
    await organisations.create(services, OPERATOR, TEAM)
    for name in (ALICE, BOB, EVE):
        await accounts.add(services, OPERATOR, name, None)
    for name in (ALICE, BOB):
        await organisations.set_member(services, OPERATOR, TEAM, name, is_owner=name is ALICE)
    return services


async def subject(services: Services, name: AccountName) -> Subject:
    return as_subject(await accounts.show(services, OPERATOR, name))


async def test_who_is_in_a_team_has_its_roles_until_they_leave_it(team: Services) -> None:
    alice, bob = await subject(team, ALICE), await subject(team, BOB)
    robot, _ = await robots.create(team, OPERATOR, CI)
    made = await teams.create(team, alice, BUILDERS)
    await grants.put(team, alice, Grantee(BUILDERS), Role.WRITER, pattern=RepositoryPattern.parse("team/*"))
    for name in (BOB, CI, CI):
        await teams.add_member(team, alice, BUILDERS, name)

    assert await teams.members(team, bob, BUILDERS, limit=9) == ["bob", "team+ci"]
    assert await teams.members(team, bob, BUILDERS, after="bob", limit=1) == ["team+ci"]
    for member in (bob, as_subject(robot.account)):
        assert await team.policy.allows(member, Permission.PUSH, APP)
    await teams.remove_member(team, alice, BUILDERS, BOB)
    assert not await team.policy.allows(bob, Permission.PUSH, APP)
    await teams.remove(team, alice, BUILDERS)
    assert not await team.policy.allows(as_subject(robot.account), Permission.PUSH, APP)

    assert made.name == "builders"
    entries = await audit.page(team, AuditSearch(target="team/builders"), None, 9)
    actions = [row.entry.action for row in reversed(entries)]
    assert actions == ["team.made", "team.joined", "team.joined", "team.left", "team.removed"]


@ON_SQLITE
async def test_a_team_takes_members_and_robots_of_its_organisation_only(team: Services) -> None:
    await teams.create(team, OPERATOR, BUILDERS)
    await robots.create(team, OPERATOR, AccountName.parse("eve+ci"))

    for name in (EVE, AccountName.parse("nobody"), AccountName.parse("eve+ci")):
        with pytest.raises(MemberUnknown):
            await teams.add_member(team, OPERATOR, BUILDERS, name)
    with pytest.raises(MemberUnknown):
        await teams.remove_member(team, OPERATOR, BUILDERS, BOB)


@ON_SQLITE
async def test_teams_are_seen_by_members_and_hidden_from_others(team: Services) -> None:
    bob, eve = await subject(team, BOB), await subject(team, EVE)
    for name in ("team/builders", "team/testers"):
        await teams.create(team, OPERATOR, TeamName.parse(name))

    assert [each.name for each in await teams.listing(team, bob, TEAM, limit=9)] == ["builders", "testers"]
    assert [each.name for each in await teams.listing(team, bob, TEAM, after="builders", limit=9)] == ["testers"]
    assert (await teams.show(team, bob, BUILDERS)).name == "builders"
    for work in (teams.create, teams.remove):
        with pytest.raises(Denied):
            await work(team, bob, BUILDERS)
        with pytest.raises(OrganisationUnknown):
            await work(team, eve, BUILDERS)
    for change in (teams.add_member, teams.remove_member):
        with pytest.raises(Denied):
            await change(team, bob, BUILDERS, BOB)
        with pytest.raises(OrganisationUnknown):
            await change(team, eve, BUILDERS, EVE)
    with pytest.raises(OrganisationUnknown):
        await teams.listing(team, eve, TEAM, limit=9)
    for read in (teams.show(team, eve, BUILDERS), teams.members(team, eve, BUILDERS, limit=9)):
        with pytest.raises(OrganisationUnknown):
            await read


@ON_SQLITE
async def test_a_team_has_a_name_of_its_organisation_that_nobody_else_has(
    team: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    await teams.create(team, OPERATOR, BUILDERS)

    with pytest.raises(NameTaken):
        await teams.create(team, OPERATOR, BUILDERS)
    with pytest.raises(OrganisationUnknown):
        await teams.create(team, OPERATOR, TeamName.parse("alice/builders"))
    with pytest.raises(TeamUnknown):
        await teams.show(team, OPERATOR, TeamName.parse("team/absent"))
    monkeypatch.setattr(limits, "TEAMS_PER_ORGANISATION", 1)
    with pytest.raises(TeamsTooMany):
        await teams.create(team, OPERATOR, TeamName.parse("team/testers"))
