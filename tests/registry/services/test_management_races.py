"""Rights that are given while what they hang on is taken away, on PostgreSQL, where both go on at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from sqlalchemy.util import await_only

from registry import limits
from registry.auth.account_name import AccountName, TeamName
from registry.auth.grantee import Grantee
from registry.auth.pattern import RepositoryPattern
from registry.auth.roles import Role
from registry.auth.subject import OPERATOR
from registry.errors import LastAdministrator, RobotsTooMany, TeamsTooMany
from registry.services import accounts, grants, organisations, robots, teams
from registry.services.context import Services
from tests.registry.metadata.interleaving import after_statement

pytestmark = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.tool("postgres"))], indirect=True
)

BOB = AccountName.parse("bob")
TEAM, ALICE = AccountName.parse("team"), AccountName.parse("alice")


@contextmanager
def meanwhile(
    services: Services, begins_with: str, work: Callable[[], Awaitable[None]]
) -> Iterator[list[asyncio.Task[None]]]:
    """Begin `work` right after the first statement that begins so; the tasks that do it."""
    begun: list[asyncio.Task[None]] = []

    async def done() -> None:
        await work()

    def begin() -> None:
        begun.append(asyncio.ensure_future(done()))
        # It has time to do what it can before the other transaction goes on.
        for _ in range(5):
            await_only(services.database.ping())

    with after_statement(begins_with, begin):
        yield begun


async def test_a_grant_does_not_outlive_its_namespace(services: Services) -> None:
    await accounts.add(services, OPERATOR, ALICE, None)
    await organisations.create(services, OPERATOR, TEAM)

    with meanwhile(services, "SELECT namespace.id", lambda: organisations.remove(services, OPERATOR, TEAM)) as removing:
        await grants.put(services, OPERATOR, Grantee(ALICE), Role.OWNER, pattern=RepositoryPattern.parse("team/*"))

    await removing[0]
    # Else whoever has the name next would not own it alone.
    assert await services.database.read(lambda tx: tx.grants.in_namespace("team")) == []


async def test_nobody_is_in_a_team_of_an_organisation_that_they_have_left(services: Services) -> None:
    builders = TeamName.parse("team/builders")
    await accounts.add(services, OPERATOR, ALICE, None)
    await organisations.create(services, OPERATOR, TEAM)
    await organisations.set_member(services, OPERATOR, TEAM, ALICE, is_owner=False)
    await teams.create(services, OPERATOR, builders)

    with meanwhile(
        services,
        "SELECT member.account_id",
        lambda: organisations.remove_member(services, OPERATOR, TEAM, ALICE),
    ) as leaving:
        await teams.add_member(services, OPERATOR, builders, ALICE)

    await leaving[0]
    assert await teams.members(services, OPERATOR, builders, limit=9) == []


async def test_robots_and_teams_that_are_made_at_once_are_counted_together(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ROBOTS_PER_NAMESPACE", 2)
    monkeypatch.setattr(limits, "TEAMS_PER_ORGANISATION", 2)
    await organisations.create(services, OPERATOR, TEAM)
    names = [f"n{number}" for number in range(6)]

    made = await asyncio.gather(
        *(robots.create(services, OPERATOR, AccountName.parse(f"team+{name}"), roles=[], token=None) for name in names),
        *(teams.create(services, OPERATOR, TeamName.parse(f"team/{name}")) for name in names),
        return_exceptions=True,
    )

    refused = [type(each) for each in made if isinstance(each, Exception)]
    assert sorted(refused, key=str) == [RobotsTooMany] * 4 + [TeamsTooMany] * 4


async def test_who_becomes_the_only_administrator_meanwhile_is_not_disabled(services: Services) -> None:
    await accounts.add(services, OPERATOR, ALICE, None)
    await accounts.add(services, OPERATOR, BOB, None, is_admin=True)

    async def take_over() -> None:
        await accounts.make_administrator(services, OPERATOR, ALICE)
        await accounts.unmake_administrator(services, OPERATOR, BOB)

    with meanwhile(services, "SELECT account.id", take_over) as taking_over, suppress(LastAdministrator):
        await accounts.disable(services, OPERATOR, ALICE)

    await asyncio.gather(*taking_over, return_exceptions=True)
    alice, bob = [await accounts.show(services, OPERATOR, name) for name in (ALICE, BOB)]
    assert (alice.is_admin and not alice.is_disabled) or bob.is_admin
