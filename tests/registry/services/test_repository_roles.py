"""Who may do what in a repository, and whose it is."""

from __future__ import annotations

import pytest

from registry.auth.account_name import AccountName
from registry.auth.grantee import Grantee
from registry.auth.pattern import RepositoryPattern
from registry.auth.roles import Role
from registry.auth.subject import OPERATOR
from registry.errors import AccountUnknown, RepositoryUnknown, RobotOwner
from registry.metadata.audit_values import AuditSearch
from registry.metadata.rows import Visibility
from registry.metadata.transaction import Transaction
from registry.services import accounts, audit, grants, organisations, repository_roles, robots
from registry.services.context import Services, now
from registry.services.repository_roles import Holder, Source
from tests.registry.assembly import access_to
from tests.registry.metadata.people import a_grant
from tests.registry.pushing import Pusher

APP = access_to("team/app")
TEAM = AccountName.parse("team")
ALICE, BOB, CAROL, BUILDERS = map(Grantee.parse, ("alice", "bob", "carol", "@team/builders"))


@pytest.fixture
async def people(services: Services) -> None:
    """Alice owns the namespace `team`, Bob is in its team `builders`, Carol is in neither."""
    for name in ("alice", "bob", "carol"):
        await accounts.add(services, OPERATOR, AccountName.parse(name), None)
    await organisations.create(services, OPERATOR, TEAM)
    await organisations.set_member(services, OPERATOR, TEAM, AccountName.parse("alice"), is_owner=True)
    await organisations.set_member(services, OPERATOR, TEAM, AccountName.parse("carol"), is_owner=False)
    await services.database.write(make_builders)
    await Pusher.to(services, "team/app").index("1", manifests=[])


def make_builders(tx: Transaction) -> None:
    namespace, bob = tx.namespaces.find("team"), tx.accounts.find("bob")
    assert namespace is not None
    assert bob is not None
    builders = tx.teams.make(namespace.id, "builders", now())
    assert builders is not None
    tx.teams.add_member(builders.id, bob.id)
    a_grant(tx, "team/a*", "team/", "writer", team_id=builders.id)


async def grant(services: Services, who: Grantee, role: Role, pattern: str) -> None:
    await grants.put(services, OPERATOR, who, role, pattern=RepositoryPattern.parse(pattern))


@pytest.mark.usefixtures("people")
async def test_roles_are_told_with_all_that_gives_them(services: Services) -> None:
    await grant(services, BOB, Role.READER, "*")
    await grant(services, CAROL, Role.OWNER, "team/b*")

    found = await repository_roles.show(services, APP, limit=9)

    assert found.visibility is Visibility.PRIVATE
    assert found.holders == [
        Holder("@team/builders", (Source(Role.WRITER, "team/a*"),)),
        Holder("alice", (Source(Role.OWNER),)),
        Holder("bob", (Source(Role.WRITER, "team/a*", "@team/builders"), Source(Role.READER, "*"))),
    ]
    assert [holder.role for holder in found.holders] == [Role.WRITER, Role.OWNER, Role.WRITER]
    with pytest.raises(RepositoryUnknown):
        await repository_roles.show(services, access_to("team/absent"), limit=9)


@pytest.mark.usefixtures("people")
async def test_roles_are_told_a_page_at_a_time(services: Services) -> None:
    pages, after = [], ""
    while found := (await repository_roles.show(services, APP, after=after, limit=2)).holders:
        pages.append([holder.name for holder in found])
        after = found[-1].name

    assert pages == [["@team/builders", "alice"], ["bob"]]


@pytest.mark.usefixtures("people")
async def test_a_new_owner_takes_the_place_of_those_whom_it_was_granted_by_name(services: Services) -> None:
    await grant(services, BOB, Role.OWNER, "team/app")
    await grant(services, BOB, Role.OWNER, "team/other")
    await grant(services, ALICE, Role.READER, "team/app")

    for _ in range(2):
        await repository_roles.change_owner(services, APP, CAROL)

    holders = {holder.name: holder.sources for holder in (await repository_roles.show(services, APP, limit=9)).holders}
    assert holders["carol"] == (Source(Role.OWNER, "team/app"),)
    assert holders["alice"] == (Source(Role.OWNER), Source(Role.READER, "team/app"))
    assert holders["bob"] == (Source(Role.WRITER, "team/a*", "@team/builders"),)
    kept = await grants.listing(services, OPERATOR, BOB, limit=9)
    assert [each.pattern for each in kept] == ["team/other"]
    rows = await audit.page(services, AuditSearch(), None, 2)
    assert [(row.entry.action, row.entry.target) for row in rows] == [
        ("role.taken_back", "bob"),
        ("role.granted", "carol"),
    ]


@pytest.mark.usefixtures("people")
async def test_a_team_becomes_the_owner_and_is_followed_by_another(services: Services) -> None:
    for owner in (BUILDERS, CAROL):
        await repository_roles.change_owner(services, APP, owner)
        holders = {holder.name: holder.role for holder in (await repository_roles.show(services, APP, limit=9)).holders}
        assert (holders[str(owner)], holders["bob"]) == (Role.OWNER, Role.OWNER if owner == BUILDERS else Role.WRITER)


@pytest.mark.usefixtures("people")
async def test_a_reader_by_name_becomes_the_owner(services: Services) -> None:
    await grant(services, CAROL, Role.READER, "team/app")

    await repository_roles.change_owner(services, APP, CAROL)

    [standing] = await grants.listing(services, OPERATOR, CAROL, limit=9)
    assert (standing.pattern, standing.role) == ("team/app", "owner")


@pytest.mark.usefixtures("people")
async def test_what_does_not_exist_is_nobodys_and_nobody_owns_nothing(services: Services) -> None:
    with pytest.raises(RepositoryUnknown):
        await repository_roles.change_owner(services, access_to("team/absent"), CAROL)
    with pytest.raises(AccountUnknown):
        await repository_roles.change_owner(services, APP, Grantee.parse("absent"))


@pytest.mark.usefixtures("people")
async def test_a_robot_becomes_no_owner(services: Services) -> None:
    robot = AccountName.parse("team+ci")
    await robots.create(services, OPERATOR, robot)

    with pytest.raises(RobotOwner):
        await repository_roles.change_owner(services, APP, Grantee(robot))
    for pattern in ("team/app", "team/*", "*"):
        with pytest.raises(RobotOwner):
            await grant(services, Grantee(robot), Role.OWNER, pattern)
    await grant(services, Grantee(robot), Role.MAINTAINER, "team/*")
