"""Grants: set, changed and taken back, by whoever owns all that they are about."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.grantee import Grantee
from registry.auth.pattern import RepositoryPattern
from registry.auth.roles import Role
from registry.auth.rules import RulesPolicy
from registry.auth.scope import EVERYTHING, Action, Scope
from registry.auth.subject import OPERATOR, Proof, Subject, SubjectKind
from registry.errors import AccountUnknown, Denied, GrantUnknown, NamespaceUnknown, RegistryError, TeamUnknown
from registry.metadata.audit_values import AuditSearch
from registry.metadata.transaction import Transaction
from registry.services import accounts, audit, grants, organisations, robots
from registry.services.context import Services, now
from tests.registry.assembly import ON_SQLITE

ALICE, BOB, CAROL, BUILDERS = map(Grantee.parse, ("alice", "bob", "carol", "@team/builders"))
TEAM = AccountName.parse("team")
MINE, ELSEWHERE = RepositoryPattern.parse("alice/*"), RepositoryPattern.parse("team/*")


async def test_a_role_is_changed_and_taken_back(services: Services) -> None:
    await accounts.add(services, OPERATOR, AccountName.parse("alice"), None)
    for role in (Role.READER, Role.WRITER):
        await grants.put(services, OPERATOR, ALICE, role, pattern=MINE)
    with pytest.raises(NamespaceUnknown):
        await grants.put(services, OPERATOR, ALICE, Role.READER, pattern=ELSEWHERE)

    listed = await grants.listing(services, OPERATOR, ALICE, limit=9)
    await grants.remove(services, OPERATOR, ALICE, MINE)

    assert [(each.pattern, each.bucket, each.role) for each in listed] == [("alice/*", "alice/", "writer")]
    with pytest.raises(GrantUnknown):
        await grants.remove(services, OPERATOR, ALICE, MINE)


async def test_the_audit_log_tells_who_was_granted_what(services: Services) -> None:
    await accounts.add(services, OPERATOR, AccountName.parse("alice"), None)
    await grants.put(services, OPERATOR, ALICE, Role.READER, pattern=MINE)
    await grants.remove(services, OPERATOR, ALICE, MINE)

    rows = await audit.page(services, AuditSearch(target="alice"), None, 2)

    assert [(row.entry.action, row.entry.actor, row.entry.detail) for row in rows] == [
        ("role.taken_back", "operator", '{"repository":"alice/*"}'),
        ("role.granted", "operator", '{"role":"reader","repository":"alice/*"}'),
    ]


@pytest.fixture
async def people(services: Services) -> dict[str, Subject]:
    """Alice, who owns `team`; Bob, who was granted `team/app` and `team/b*` as an owner; Carol; an administrator."""
    found = {}
    for name in ("alice", "bob", "carol", "root"):
        account = await accounts.add(services, OPERATOR, AccountName.parse(name), None, is_admin=name == "root")
        found[name] = Subject(SubjectKind.USER, name, account.id, Proof("password", account.generation))
    await organisations.create(services, OPERATOR, TEAM)
    await organisations.set_member(services, OPERATOR, TEAM, AccountName.parse("alice"), is_owner=True)
    await organisations.set_member(services, OPERATOR, TEAM, AccountName.parse("carol"), is_owner=False)
    for pattern in ("team/app", "team/b*"):
        await grants.put(services, OPERATOR, BOB, Role.OWNER, pattern=RepositoryPattern.parse(pattern))
    services.policy = RulesPolicy(services.database, anonymous_pull=True)
    return found


IN_TEAM = ("team/*", "team/a*", "team/b*", "team/app", "team/bee", "team/other")
PATTERNS = ("*", *IN_TEAM, "carol/*", "nobodys/*", "nobodys/a")
# Who may grant on which of them, written out from the rules.
MAY_GRANT = {
    "root": set(PATTERNS),
    "alice": set(IN_TEAM),
    "bob": {"team/app", "team/bee"},
    "carol": {"carol/*"},
}


@ON_SQLITE
@pytest.mark.parametrize("who", MAY_GRANT)
async def test_roles_are_granted_by_whoever_owns_all_that_is_meant(
    services: Services, people: dict[str, Subject], who: str
) -> None:
    may = set()
    for text in PATTERNS:
        pattern = RepositoryPattern.parse(text)
        try:
            await grants.put(services, people[who], CAROL, Role.READER, pattern=pattern)
        except Denied:
            with pytest.raises(Denied):
                await grants.remove(services, people[who], CAROL, pattern)
        except NamespaceUnknown:
            assert "nobodys" in text
            may.add(text)
        else:
            may.add(text)
            await grants.remove(services, people[who], CAROL, pattern)

    assert may == MAY_GRANT[who]


@ON_SQLITE
async def test_a_credential_that_does_not_reach_grants_nothing(services: Services, people: dict[str, Subject]) -> None:
    alice = people["alice"]
    only_pull = Scope(frozenset({Action.PULL, Action.PUSH, Action.DELETE}), EVERYTHING.patterns)
    only_app = Scope(frozenset(Action), (RepositoryPattern.parse("team/app"),))

    for scope, text in ((only_pull, "team/app"), (only_app, "team/*"), (only_app, "team/other")):
        narrow = Subject(alice.kind, alice.name, alice.account_id, alice.proof, scope)
        with pytest.raises(Denied):
            await grants.put(services, narrow, CAROL, Role.OWNER, pattern=RepositoryPattern.parse(text))


@ON_SQLITE
async def test_what_was_granted_is_told_to_whom_it_concerns(services: Services, people: dict[str, Subject]) -> None:
    for text in ("team/app", "team/other", "carol/x", "*"):
        await grants.put(services, people["root"], CAROL, Role.READER, pattern=RepositoryPattern.parse(text))

    async def told(who: str, about: Grantee = CAROL) -> list[str]:
        return [grant.pattern for grant in await grants.listing(services, people[who], about, limit=9)]

    everything = ["*", "carol/x", "team/app", "team/other"]
    assert (await told("root"), await told("carol")) == (everything, everything)
    assert (await told("alice"), await told("bob")) == (["team/app", "team/other"], ["team/app"])
    absent = Grantee.parse("absent")
    assert await told("bob", absent) == []
    with pytest.raises(AccountUnknown):
        await told("root", absent)


@ON_SQLITE
async def test_pages_are_filled_from_what_is_told_and_end_at_nothing_that_is_not(
    services: Services, people: dict[str, Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "GRANT_BATCH", 2)
    names = [f"carol/{number}" for number in range(5)] + ["team/a", "team/b", "team/c", "team/*"]
    for text in names:
        await grants.put(services, people["root"], CAROL, Role.READER, pattern=RepositoryPattern.parse(text))

    async def pages(who: str, size: int) -> list[list[str]]:
        found: list[list[str]] = []
        after = None
        while part := await grants.listing(services, people[who], CAROL, after=after, limit=size):
            found.append([grant.pattern for grant in part])
            after = RepositoryPattern.parse(part[-1].pattern)
        return found

    everything = [*names[:5], "team/*", *names[5:8]]
    assert await pages("root", 4) == await pages("carol", 4) == [everything[:4], everything[4:8], everything[8:]]
    assert await pages("alice", 3) == [["team/*", "team/a", "team/b"], ["team/c"]]
    assert await pages("bob", 3) == [["team/b"]]


@ON_SQLITE
async def test_a_team_is_granted_roles_that_its_organisation_is_told_of(
    services: Services, people: dict[str, Subject]
) -> None:
    app, carols = RepositoryPattern.parse("team/app"), RepositoryPattern.parse("carol/*")
    with pytest.raises(TeamUnknown):
        await grants.put(services, people["alice"], BUILDERS, Role.WRITER, pattern=app)
    assert await grants.listing(services, people["carol"], BUILDERS, limit=9) == []
    await services.database.write(make_builders)
    await grants.put(services, people["alice"], BUILDERS, Role.WRITER, pattern=app)
    await grants.put(services, people["carol"], BUILDERS, Role.READER, pattern=carols)

    told = {who: await grants.listing(services, people[who], BUILDERS, limit=9) for who in people}

    patterns = {who: [grant.pattern for grant in listed] for who, listed in told.items()}
    assert patterns["alice"] == patterns["root"] == ["carol/*", "team/app"]
    assert (patterns["bob"], patterns["carol"]) == (["team/app"], ["carol/*"])
    await grants.remove(services, people["bob"], BUILDERS, app)
    assert [each.pattern for each in await grants.listing(services, people["alice"], BUILDERS, limit=9)] == ["carol/*"]
    [row] = await audit.page(services, AuditSearch(target="@team/builders", action="role.taken_back"), None, 9)
    assert row.entry.actor == "user:bob"


@ON_SQLITE
@pytest.mark.parametrize(
    ("who", "knows"), [("root", True), ("alice", True), ("carol", True), ("dave", False), ("bob", True)]
)
async def test_robots_and_teams_of_another_namespace_are_not_there_for_who_does_not_belong_to_it(
    services: Services, people: dict[str, Subject], who: str, *, knows: bool
) -> None:
    dave = await accounts.add(services, OPERATOR, AccountName.parse("dave"), None)
    people["dave"] = Subject(SubjectKind.USER, "dave", dave.id, Proof("password", dave.generation))
    await services.database.write(make_builders)
    await robots.create(services, OPERATOR, AccountName.parse("team+ci"), roles=[], token=None)
    # Bob owns a repository of the namespace itself, the others a namespace of their own.
    pattern = RepositoryPattern.parse("team/app" if who == "bob" else f"{who}/app")

    for grantee, absent in (("@team/builders", "@team/absent"), ("team+ci", "team+absent")):
        present = await outcome(grants.put(services, people[who], Grantee.parse(grantee), Role.READER, pattern=pattern))
        missing = await outcome(grants.put(services, people[who], Grantee.parse(absent), Role.READER, pattern=pattern))
        removed = await outcome(grants.remove(services, people[who], Grantee.parse(grantee), pattern))
        never = await outcome(grants.remove(services, people[who], Grantee.parse(absent), pattern))
        assert missing in (AccountUnknown, TeamUnknown)
        assert (present, removed) == ((None, None) if knows else (missing, GrantUnknown))
        assert never is (missing if knows else GrantUnknown)


async def outcome(done: Awaitable[None]) -> type[RegistryError] | None:
    """What `done` raised."""
    try:
        await done
    except RegistryError as error:
        return type(error)
    return None


def make_builders(tx: Transaction) -> None:
    namespace = tx.namespaces.find("team")
    assert namespace is not None
    assert tx.teams.make(namespace.id, "builders", now()) is not None
