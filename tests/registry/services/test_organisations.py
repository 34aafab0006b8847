"""Organisations: made, joined, left, and removed when nothing is in them."""

from __future__ import annotations

import pytest

from registry.auth.account_name import AccountName
from registry.auth.subject import OPERATOR
from registry.errors import AccountUnknown, NameTaken, OrganisationNotEmpty, OrganisationUnknown
from registry.services import accounts, organisations
from registry.services.context import Services, now
from tests.registry.metadata.people import a_grant
from tests.registry.pushing import Pusher

TEAM, ALICE, BOB = map(AccountName.parse, ("team", "alice", "bob"))


async def test_an_organisation_shares_its_names_with_people(services: Services) -> None:
    await accounts.add(services, OPERATOR, ALICE, "hash")
    await organisations.create(services, OPERATOR, TEAM)

    for taken in (TEAM, ALICE):
        with pytest.raises(NameTaken):
            await organisations.create(services, OPERATOR, taken)
    with pytest.raises(OrganisationUnknown):
        await organisations.members(services, OPERATOR, ALICE)


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
    joined = await organisations.members(services, OPERATOR, TEAM)

    await organisations.remove_member(services, OPERATOR, TEAM, ALICE)

    assert [(each.name, each.is_owner) for each in joined] == [("alice", True)]
    assert await organisations.members(services, OPERATOR, TEAM) == []
    assert await services.database.read(lambda tx: tx.teams.members(team.id)) == []
    with pytest.raises(AccountUnknown):
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
