"""Robots: made with what they may do and a token, by who owns their namespace; and nothing that they could manage."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from oci_spec.reference import RepositoryName
from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.pattern import RepositoryPattern
from registry.auth.permission import Permission
from registry.auth.roles import Role
from registry.auth.rules import RulesPolicy
from registry.auth.scope import EVERYTHING
from registry.auth.secret_text import SecretKind, kind_of
from registry.auth.subject import OPERATOR, Proof, Subject, SubjectKind
from registry.errors import (
    AccountNameInvalid,
    AccountUnknown,
    CredentialInvalid,
    Denied,
    NamespaceUnknown,
    NameTaken,
    PasswordRequired,
    RobotsTooMany,
)
from registry.metadata.account_rows import Account
from registry.metadata.audit_values import AuditSearch
from registry.services import accounts, audit, credentials, organisations, robots
from registry.services.context import Services, now
from registry.services.credentials import TokenWish
from registry.services.robots import RoleWish
from tests.registry.assembly import ON_SQLITE

TEAM, ALICE, BOB, CI, WEB = map(AccountName.parse, ("team", "alice", "bob", "team+ci", "team+web"))
APP = RepositoryName.parse("team/app")
WRITER = RoleWish(Role.WRITER, RepositoryPattern.parse("team/*"))
TOKEN = TokenWish(name="first")


def as_subject(account: Account) -> Subject:
    return Subject(SubjectKind(account.kind), account.name, account.id, Proof("password", account.generation))


@pytest.fixture
async def team(services: Services) -> Services:
    """A registry with rules, an organisation, and two people in it: Alice, who owns it, and Bob."""
    services.policy = RulesPolicy(services.database, anonymous_pull=True)
    await organisations.create(services, OPERATOR, TEAM)
    for name in (ALICE, BOB):
        await accounts.add(services, OPERATOR, name, None)
        await organisations.set_member(services, OPERATOR, TEAM, name, is_owner=name is ALICE)
    return services


async def subject(services: Services, name: AccountName) -> Subject:
    return as_subject(await accounts.show(services, OPERATOR, name))


async def test_a_robot_is_made_with_its_roles_and_a_token_in_one_step(team: Services) -> None:
    alice = await subject(team, ALICE)

    robot, made = await robots.create(team, alice, CI, [WRITER], token=TOKEN)

    assert made is not None
    secret, token = made
    assert kind_of(secret) is SecretKind.ROBOT
    assert await credentials.listing(team, OPERATOR, CI) == [token]
    assert [(each.pattern, each.role) for each in robot.grants] == [("team/*", "writer")]
    assert await robots.show(team, alice, CI) == robot
    assert await team.policy.allows(as_subject(robot.account), Permission.PUSH, APP)
    entries = await audit.page(team, AuditSearch(target="team+ci"), None, 9)
    assert [row.entry.action for row in reversed(entries)] == ["account.made", "role.granted", "credential.made"]
    assert {row.entry.actor for row in entries} == {"user:alice"}


@ON_SQLITE
async def test_a_robot_without_a_role_may_do_nothing(team: Services) -> None:
    robot, made = await robots.create(team, OPERATOR, CI)

    assert made is None
    for permission in (Permission.PULL, Permission.PUSH):
        assert not await team.policy.allows(as_subject(robot.account), permission, APP)


@ON_SQLITE
async def test_robots_are_for_the_owners_of_their_namespace_and_hidden_from_strangers(team: Services) -> None:
    alice, bob = await subject(team, ALICE), await subject(team, BOB)
    stranger = as_subject(await accounts.add(team, OPERATOR, AccountName.parse("eve"), None))
    robot, _ = await robots.create(team, alice, CI)

    for not_found in (stranger, as_subject(robot.account)):
        for name in (WEB, AccountName.parse("nobodys+ci")):
            with pytest.raises(AccountUnknown):
                await robots.show(team, not_found, name)
        with pytest.raises(NamespaceUnknown):
            await robots.create(team, not_found, WEB)
        with pytest.raises(NamespaceUnknown):
            await robots.listing_of(team, not_found, TEAM, limit=9)
        assert await robots.listing(team, not_found, limit=9) == []
    with pytest.raises(AccountUnknown):
        await robots.show(team, stranger, CI)
    for work in (robots.show, robots.disable, robots.enable, robots.remove):
        with pytest.raises(AccountUnknown):
            await work(team, bob, CI)
    with pytest.raises(Denied):
        await robots.create(team, bob, WEB)
    with pytest.raises(Denied):
        await robots.listing_of(team, bob, TEAM, limit=9)
    await robots.create(team, bob, AccountName.parse("bob+ci"))
    assert await robots.listing_of(team, alice, TEAM, limit=9) == [robot.account]
    assert await robots.listing(team, alice, limit=9) == [robot.account]
    assert [each.name for each in await robots.listing(team, bob, limit=9)] == ["bob+ci"]
    assert [each.name for each in await robots.listing(team, OPERATOR, limit=9)] == ["bob+ci", "team+ci"]


@ON_SQLITE
@pytest.mark.parametrize("pattern", ["other/*", "*", "bob/app"])
async def test_nobody_gives_a_robot_what_is_not_theirs(team: Services, pattern: str) -> None:
    wish = RoleWish(Role.READER, RepositoryPattern.parse(pattern))

    with pytest.raises(Denied):
        await robots.create(team, await subject(team, ALICE), CI, [wish])

    assert await robots.listing_of(team, OPERATOR, TEAM, limit=9) == []


@ON_SQLITE
async def test_a_robot_that_cannot_have_a_role_is_not_made(team: Services) -> None:
    nowhere = RoleWish(Role.READER, RepositoryPattern.parse("nobodys/*"))

    with pytest.raises(NamespaceUnknown):
        await robots.create(team, OPERATOR, CI, [WRITER, nowhere], token=TOKEN)

    assert await robots.listing_of(team, OPERATOR, TEAM, limit=9) == []


@ON_SQLITE
async def test_what_gives_a_way_in_needs_a_password(team: Services) -> None:
    alice = await subject(team, ALICE)
    await robots.create(team, alice, CI)
    _, token = await credentials.create(team, alice, ALICE, name="all", scope=EVERYTHING, expires_at=None)
    with_token = replace(alice, proof=Proof("personal", 1, token.id))
    assert (await robots.show(team, with_token, CI)).account.name == "team+ci"

    with pytest.raises(PasswordRequired):
        await robots.create(team, with_token, WEB)
    with pytest.raises(PasswordRequired):
        await robots.enable(team, with_token, CI)


@ON_SQLITE
async def test_a_token_that_cannot_be_is_not_made_and_neither_is_its_robot(team: Services) -> None:
    past = TokenWish(name="first", expires_at=now() - timedelta(days=1))

    with pytest.raises(CredentialInvalid):
        await robots.create(team, OPERATOR, CI, token=past)

    assert await robots.listing_of(team, OPERATOR, TEAM, limit=9) == []


@ON_SQLITE
async def test_a_robot_needs_a_namespace_and_a_name_of_its_own(team: Services) -> None:
    await robots.create(team, OPERATOR, CI)

    with pytest.raises(NameTaken):
        await robots.create(team, OPERATOR, CI)
    with pytest.raises(AccountNameInvalid):
        await robots.create(team, OPERATOR, AccountName.parse("ci"))
    with pytest.raises(NamespaceUnknown):
        await robots.create(team, OPERATOR, AccountName.parse("nobodys+ci"))
    with pytest.raises(NamespaceUnknown):
        await robots.listing_of(team, OPERATOR, AccountName.parse("nobodys"), limit=9)
    with pytest.raises(AccountUnknown):
        await robots.remove(team, OPERATOR, ALICE)


async def test_a_robot_is_disabled_enabled_and_removed_with_all_that_it_has(team: Services) -> None:
    alice = await subject(team, ALICE)
    robot, _ = await robots.create(team, alice, CI, [WRITER], token=TOKEN)
    before = as_subject(robot.account)

    for _ in range(2):
        await robots.disable(team, alice, CI)
    assert not await team.policy.allows(before, Permission.PUSH, APP)
    await robots.enable(team, alice, CI)
    after = as_subject((await robots.show(team, alice, CI)).account)
    assert await team.policy.allows(after, Permission.PUSH, APP)
    await robots.remove(team, alice, CI)

    assert not await team.policy.allows(after, Permission.PUSH, APP)
    with pytest.raises(AccountUnknown):
        await credentials.listing(team, OPERATOR, CI)
    again, _ = await robots.create(team, alice, CI)
    assert again.grants == []


@ON_SQLITE
async def test_a_namespace_has_a_bounded_number_of_robots(team: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROBOTS_PER_NAMESPACE", 1)
    await robots.create(team, OPERATOR, CI)

    with pytest.raises(RobotsTooMany):
        await robots.create(team, OPERATOR, WEB)
