"""What is listed is what the policy says of each name: who may see which repositories, asked in both ways."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oci_spec.reference import RepositoryName
from registry.auth.pattern import RepositoryPattern
from registry.auth.permission import Permission
from registry.auth.policy import OpenPolicy, Policy
from registry.auth.roles import Role
from registry.auth.rules import RulesPolicy
from registry.auth.scope import EVERYTHING, Action, Scope
from registry.auth.subject import ANONYMOUS, OPERATOR, Proof, Subject, SubjectKind, system
from registry.auth.token_scope import TokenScope
from registry.metadata import visible_repositories
from registry.metadata.account_rows import Account, NamespaceKind
from registry.metadata.database import Database
from registry.metadata.rows import Direction, RepositorySearch, RepositorySort, Visibility
from registry.metadata.transaction import Transaction
from registry.metadata.visible import Visible
from tests.registry.assembly import ON_SQLITE
from tests.registry.metadata.examples import NOW
from tests.registry.metadata.people import a_grant, an_account

# Names that begin alike, of one component and more, with what patterns could take for a wildcard.
NAMES = (
    *("a", "ab", "library/a", "library/b", "team/a", "team/a-b", "team/a.b", "team/a/b", "team/a_b", "team/axb"),
    *("team/b/a", "team2/a", "te", "x/team/a"),
)
NAMESPACES = sorted({RepositoryName.parse(name).namespace for name in NAMES})
PATTERNS = (
    *("*", "a", "library/*", "library/a", "team/*", "team/a", "team/a*", "team/a_*", "team/*b", "team/a*b", "team/*/*"),
    *("team2/*", "team2/absent", "absent/*", "x/*a", "x/t*m/*"),
)
patterns = st.lists(st.sampled_from(PATTERNS), max_size=3)


@dataclass(frozen=True, slots=True)
class World:
    """Which repositories are public, which namespaces Alice owns, and what she and her teams were granted."""

    public: frozenset[str]
    owned: frozenset[str]
    granted: tuple[str, ...]
    to_teams: tuple[tuple[str, ...], ...]
    is_admin: bool


worlds = st.builds(
    World,
    public=st.frozensets(st.sampled_from(NAMES), max_size=4),
    owned=st.frozensets(st.sampled_from(NAMESPACES), max_size=2),
    granted=patterns.map(tuple),
    to_teams=st.lists(patterns.map(tuple), max_size=2).map(tuple),
    is_admin=st.sampled_from([False] * 7 + [True]),
)
scopes = st.one_of(
    st.just(EVERYTHING),
    st.builds(
        Scope,
        st.frozensets(st.sampled_from(Action)).map(lambda actions: actions | {Action.PULL}),
        st.lists(st.sampled_from(PATTERNS).map(RepositoryPattern.parse), max_size=3).map(tuple),
    ),
    st.just(Scope(frozenset(Action) - {Action.PULL}, EVERYTHING.patterns)),
)
grants_of_tokens = st.sampled_from(
    [
        None,
        frozenset[tuple[str, str]](),
        TokenScope(None, frozenset({"*"})).granted,
        TokenScope(None, frozenset({"search"})).granted,
        TokenScope(RepositoryName.parse("team/a"), frozenset({"pull"})).granted,
    ]
)


def _empty(tx: Transaction) -> None:
    for name in NAMES:
        found = tx.repositories.find(RepositoryName.parse(name))
        if found is not None:
            tx.repositories.delete(found.id)
    for account in ("alice", "bob"):
        known = tx.accounts.find(account)
        if known is not None:
            tx.accounts.remove(known.id)
    for namespace in NAMESPACES:
        held = tx.namespaces.find(namespace)
        if held is not None:
            tx.namespaces.remove(held.id)


def _make(tx: Transaction, world: World) -> Account:
    _empty(tx)
    alice, bob = an_account(tx, is_admin=world.is_admin), an_account(tx, "bob")
    for name in NAMES:
        made = tx.repositories.ensure(RepositoryName.parse(name), NOW, may_make_namespace=True)
        if name in world.public:
            tx.repositories.set_visibility(made.id, Visibility.PUBLIC)
    for name in NAMESPACES:
        namespace = tx.namespaces.find(name) or tx.namespaces.make(name, NamespaceKind.ORGANISATION, NOW)
        assert namespace is not None
        # Who is only a member sees no more for it.
        tx.namespaces.set_member(namespace.id, alice.id, is_owner=name in world.owned, now=NOW)
        tx.namespaces.set_member(namespace.id, bob.id, is_owner=True, now=NOW)
    for pattern in world.granted:
        a_grant(tx, pattern, RepositoryPattern.parse(pattern).bucket, Role.READER, account_id=alice.id)
    a_grant(tx, "*", "", Role.OWNER, account_id=bob.id)
    for number, granted in enumerate(world.to_teams):
        namespace = tx.namespaces.find("team")
        assert namespace is not None
        team = tx.teams.make(namespace.id, f"builders{number}", NOW)
        assert team is not None
        tx.teams.add_member(team.id, alice.id)
        for pattern in granted:
            a_grant(tx, pattern, RepositoryPattern.parse(pattern).bucket, Role.READER, team_id=team.id)
    return alice


def _listed(tx: Transaction, visible: Visible, limit: int, *, few: int) -> dict[str, list[str]]:
    """All that is visible, by each way of listing, page by page."""
    by_name: list[str] = []
    while page := tx.repositories.names(visible, limit, RepositoryName.parse(by_name[-1]) if by_name else None):
        assert len(page) <= limit
        by_name += map(str, page)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(visible_repositories, "FEW", few)
        search = RepositorySearch(limit, sort=RepositorySort.UPDATED, direction=Direction.DESCENDING)
        sorted_differently: list[str] = []
        while True:
            found = tx.repositories.page(search, visible)
            sorted_differently += (str(each.name) for each in found.repositories)
            if found.after is None:
                return {"by name": by_name, "by time": sorted_differently}
            search = msgspec.structs.replace(search, after=found.after)


async def _allowed(policy: Policy, subject: Subject) -> list[str]:
    return [name for name in NAMES if await policy.allows(subject, Permission.CATALOG, RepositoryName.parse(name))]


WHO = ("an account", "nobody", "nobody with a token", "an account of the past", "a stranger", "nobody's proof")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    world=worlds,
    scope=scopes,
    granted=grants_of_tokens,
    anonymous_pull=st.booleans(),
    who=st.one_of(st.just(WHO[0]), st.sampled_from(WHO)),
    limit=st.integers(1, 20),
    few=st.sampled_from([0, 1000]),
)
async def test_what_is_listed_is_what_the_policy_says_of_each(
    database: Database,
    *,
    world: World,
    scope: Scope,
    granted: frozenset[tuple[str, str]] | None,
    anonymous_pull: bool,
    who: str,
    limit: int,
    few: int,
) -> None:
    alice = await database.write(_make, world)
    policy = RulesPolicy(database, anonymous_pull=anonymous_pull)
    proof = Proof("personal" if granted is None else "bearer", alice.generation, granted=granted)
    stranger = Subject(SubjectKind.USER, "somebody@example.com", proof=proof, scope=scope)
    subjects = {
        "nobody": replace(ANONYMOUS, scope=scope),
        "nobody with a token": replace(ANONYMOUS, proof=proof, scope=scope),
        "an account": Subject(SubjectKind.USER, "alice", alice.id, proof, scope),
        "an account of the past": Subject(SubjectKind.USER, "alice", alice.id, replace(proof, generation=0), scope),
        "a stranger": stranger,
        "nobody's proof": replace(stranger, proof=None),
    }

    listed = await database.read(_listed, await policy.visible(subjects[who]), limit, few=few)

    allowed = sorted(await _allowed(policy, subjects[who]))
    assert listed == {"by name": allowed, "by time": allowed}


@ON_SQLITE
@pytest.mark.parametrize("subject", [ANONYMOUS, OPERATOR, system("upload-expiry"), Subject(SubjectKind.USER, "alice")])
async def test_who_may_everything_is_listed_everything(database: Database, subject: Subject) -> None:
    await database.write(_make, World(frozenset(), frozenset(), (), (), is_admin=False))

    for policy in (OpenPolicy(), RulesPolicy(database, anonymous_pull=True)):
        listed = await database.read(_listed, await policy.visible(subject), 3, few=0)

        assert set(chain(*listed.values())) == set(await _allowed(policy, subject))


@ON_SQLITE
async def test_very_many_sources_are_asked_some_at_a_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(tx: Transaction) -> int:
        alice = an_account(tx)
        for number in range(20):
            tx.repositories.ensure(RepositoryName.parse(f"n{number:02}/a"), NOW, may_make_namespace=True)
            tx.repositories.ensure(RepositoryName.parse(f"n{number:02}/b"), NOW, may_make_namespace=True)
            a_grant(tx, f"n{number:02}/b*", f"n{number:02}/", account_id=alice.id)
        return alice.id

    monkeypatch.setattr(visible_repositories, "_AT_ONCE", 3)
    visible = Visible(account_id=await database.write(make))

    for limit in (7, 1000):
        listed = await database.read(_listed, visible, limit, few=1000)

        assert listed == {way: [f"n{number:02}/b" for number in range(20)] for way in listed}
