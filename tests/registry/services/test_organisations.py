"""Organisations: made, joined, left, and removed when nothing is in them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_INDEX, OCI_LAYER_GZIP
from oci_spec.reference import RepositoryName
from registry.auth.access import grant
from registry.auth.account_name import AccountName
from registry.auth.permission import Permission
from registry.auth.rules import RulesPolicy
from registry.auth.subject import OPERATOR, Proof, Subject, SubjectKind
from registry.errors import (
    AccountUnknown,
    Denied,
    LastOwner,
    MemberUnknown,
    NamespaceUnknown,
    NameTaken,
    OrganisationNotEmpty,
    OrganisationUnknown,
)
from registry.services import accounts, mounts, organisations
from registry.services.context import Services, now
from tests.registry.assembly import ON_SQLITE
from tests.registry.metadata.people import a_grant
from tests.registry.pushing import Pusher

TEAM, ALICE, BOB, EVE = map(AccountName.parse, ("team", "alice", "bob", "eve"))


async def test_an_organisation_shares_its_names_with_people(services: Services) -> None:
    await accounts.add(services, OPERATOR, ALICE, "hash")
    await organisations.create(services, OPERATOR, TEAM)

    for taken in (TEAM, ALICE):
        with pytest.raises(NameTaken):
            await organisations.create(services, OPERATOR, taken)
    with pytest.raises(OrganisationUnknown):
        await organisations.members(services, OPERATOR, ALICE, limit=9)


async def test_members_are_owners_or_not_and_leave_their_teams_too(services: Services) -> None:
    alice = await accounts.add(services, OPERATOR, ALICE, "hash")
    await organisations.create(services, OPERATOR, TEAM)
    for is_owner in (False, True):
        await organisations.set_member(services, OPERATOR, TEAM, ALICE, is_owner=is_owner)
    namespace = await services.database.read(lambda tx: tx.namespaces.find("team"))
    assert namespace is not None
    team = await services.database.write(lambda tx: tx.teams.make(namespace.id, "builders", now()))
    assert team is not None
    await services.database.write(lambda tx: tx.teams.add_member(team.id, alice.id))
    joined = await organisations.members(services, OPERATOR, TEAM, limit=9)

    await organisations.remove_member(services, OPERATOR, TEAM, ALICE)

    assert [(each.name, each.is_owner) for each in joined] == [("alice", True)]
    assert await organisations.members(services, OPERATOR, TEAM, limit=9) == []
    assert await services.database.read(lambda tx: tx.teams.members(team.id)) == []
    with pytest.raises(MemberUnknown):
        await organisations.remove_member(services, OPERATOR, TEAM, ALICE)
    with pytest.raises(AccountUnknown):
        await organisations.set_member(services, OPERATOR, TEAM, BOB, is_owner=False)


async def test_only_an_organisation_without_repositories_is_removed_and_its_grants_with_it(services: Services) -> None:
    alice = await accounts.add(services, OPERATOR, ALICE, "hash")
    await organisations.create(services, OPERATOR, TEAM)
    await services.database.write(lambda tx: a_grant(tx, "team/*", "team/", account_id=alice.id))
    await Pusher.to(services, "other/app").image("1")

    with pytest.raises(OrganisationNotEmpty):
        await organisations.remove(services, OPERATOR, AccountName.parse("other"))
    await organisations.remove(services, OPERATOR, TEAM)

    assert await services.database.read(lambda tx: tx.grants.of_account(alice.id)) == []
    with pytest.raises(OrganisationUnknown):
        await organisations.remove(services, OPERATOR, TEAM)


async def test_a_push_allowed_before_its_organisation_was_removed_makes_none_but_an_administrators(
    team: Services,
) -> None:
    root = await accounts.add(team, OPERATOR, AccountName.parse("root"), None, is_admin=True)
    await Pusher.to(team, "other/app").blob(b"a layer", OCI_LAYER_GZIP)
    there = RepositoryName.parse("team/app")
    alices, roots = [
        await grant(team.policy, await subject(team, name), Permission.PUSH, there)
        for name in (ALICE, AccountName.parse(root.name))
    ]

    await organisations.remove(team, OPERATOR, TEAM)

    with pytest.raises(NamespaceUnknown):
        await Pusher(team, alices).blob(b"another layer", OCI_LAYER_GZIP)
    with pytest.raises(NamespaceUnknown):
        await mounts.mount(team, replace(alices, subject=OPERATOR), Digest.of(b"a layer"), None)
    with pytest.raises(NamespaceUnknown):
        await Pusher(team, alices).manifest({"mediaType": OCI_INDEX, "manifests": []}, "1")
    assert await team.database.read(lambda tx: tx.namespaces.find("team")) is None
    await Pusher(team, roots).image("1")
    assert await team.database.read(lambda tx: tx.namespaces.find("team")) is not None


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
    account = await accounts.show(services, OPERATOR, name)
    return Subject(SubjectKind.USER, account.name, account.id, Proof("password", account.generation))


async def test_whoever_belongs_to_an_organisation_sees_it_and_others_do_not(team: Services) -> None:
    await organisations.create(team, OPERATOR, AccountName.parse("other"))
    alice, bob, eve = [await subject(team, name) for name in (ALICE, BOB, EVE)]

    for member in (alice, bob):
        shown = await organisations.show(team, member, TEAM)
        assert (shown.name, shown.members, shown.teams, shown.repositories) == ("team", 2, 0, 0)
        assert await organisations.listing(team, member, limit=9) == [shown]
        page = await organisations.members(team, member, TEAM, after="alice", limit=9)
        assert [(each.name, each.is_owner) for each in page] == [("bob", False)]
    assert await organisations.listing(team, eve, limit=9) == []
    for name in (TEAM, AccountName.parse("nobodys")):
        with pytest.raises(OrganisationUnknown):
            await organisations.show(team, eve, name)
        with pytest.raises(OrganisationUnknown):
            await organisations.set_member(team, eve, name, EVE, is_owner=True)
        with pytest.raises(OrganisationUnknown):
            await organisations.remove(team, eve, name)
    assert [each.name for each in await organisations.listing(team, OPERATOR, limit=1)] == ["other"]
    assert [each.name for each in await organisations.listing(team, OPERATOR, after="other", limit=9)] == ["team"]


@ON_SQLITE
async def test_owners_look_after_members_and_members_may_leave(team: Services) -> None:
    alice, bob = await subject(team, ALICE), await subject(team, BOB)

    with pytest.raises(Denied):
        await organisations.set_member(team, bob, TEAM, EVE, is_owner=False)
    with pytest.raises(Denied):
        await organisations.remove_member(team, bob, TEAM, ALICE)
    with pytest.raises(Denied):
        await organisations.remove(team, bob, TEAM)
    with pytest.raises(Denied):
        await organisations.create(team, alice, AccountName.parse("mine"))
    await organisations.set_member(team, alice, TEAM, EVE, is_owner=False)
    await organisations.remove_member(team, alice, TEAM, EVE)
    await organisations.remove_member(team, bob, TEAM, BOB)

    assert [each.name for each in await organisations.members(team, alice, TEAM, limit=9)] == ["alice"]
    await organisations.remove(team, alice, TEAM)
    with pytest.raises(OrganisationUnknown):
        await organisations.show(team, alice, TEAM)


async def test_the_last_owner_stays_unless_an_administrator_says_otherwise(team: Services) -> None:
    alice = await subject(team, ALICE)

    with pytest.raises(LastOwner):
        await organisations.remove_member(team, alice, TEAM, ALICE)
    with pytest.raises(LastOwner):
        await organisations.set_member(team, alice, TEAM, ALICE, is_owner=False)
    await organisations.set_member(team, alice, TEAM, BOB, is_owner=True)
    await organisations.set_member(team, alice, TEAM, ALICE, is_owner=False)
    await organisations.remove_member(team, OPERATOR, TEAM, BOB)

    members = await organisations.members(team, OPERATOR, TEAM, limit=9)
    assert [(each.name, each.is_owner) for each in members] == [("alice", False)]


async def test_of_two_owners_who_leave_at_once_one_stays(team: Services) -> None:
    await organisations.set_member(team, OPERATOR, TEAM, BOB, is_owner=True)
    alice, bob = await subject(team, ALICE), await subject(team, BOB)

    ended = await asyncio.gather(
        organisations.remove_member(team, alice, TEAM, ALICE),
        organisations.remove_member(team, bob, TEAM, BOB),
        return_exceptions=True,
    )

    assert [type(each) for each in ended if each is not None] == [LastOwner]
    assert len(await organisations.members(team, OPERATOR, TEAM, limit=9)) == 1
