"""Who may do what while accounts are in force: tables of roles, visibility, credentials and states of accounts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from oci_spec.reference import RepositoryName
from registry.auth.pattern import RepositoryPattern
from registry.auth.permission import OF_REPOSITORIES, Permission
from registry.auth.roles import Role
from registry.auth.rules import RulesPolicy
from registry.auth.scope import EVERYTHING, Action, Scope
from registry.auth.subject import ANONYMOUS, OPERATOR, Proof, Subject, SubjectKind, system
from registry.auth.token_scope import TokenScope
from registry.errors import NamespaceUnknown
from registry.metadata.account_rows import Account, AccountKind, NamespaceKind
from registry.metadata.database import Database
from registry.metadata.transaction import Transaction
from tests.registry.assembly import ON_SQLITE
from tests.registry.auth.changing_process import changing_process
from tests.registry.metadata.examples import APP, NOW, ensure, later
from tests.registry.metadata.people import a_credential, a_grant, an_account
from tests.registry.metadata.raw_sql import execute

NOBODYS = RepositoryName.parse("nobodys/app")
ABSENT = RepositoryName.parse("team/absent")

# What each role may do, written out: the table in the program is another one.
HELD = {
    None: set[Permission](),
    Role.READER: {Permission.PULL},
    Role.WRITER: {Permission.PULL, Permission.PUSH},
    Role.MAINTAINER: {Permission.PULL, Permission.PUSH, Permission.DELETE, Permission.MAINTAIN},
    Role.OWNER: set(OF_REPOSITORIES),
}
OF_ACCOUNTS = {Permission.PUBLIC, Permission.ENTER, Permission.CATALOG, Permission.SELF}
OF_NO_ROBOT = {Permission.OWN, Permission.SELF, Permission.OBSERVE, Permission.ADMINISTER}


@dataclass(frozen=True, slots=True)
class Team:
    """An organisation with a repository and a team, and Alice, who is only in the team."""

    alice: Account
    namespace_id: int
    team_id: int
    credential_id: int


def _make_team(tx: Transaction) -> Team:
    alice = an_account(tx)
    namespace = tx.namespaces.make("team", NamespaceKind.ORGANISATION, NOW)
    assert namespace is not None
    builders = tx.teams.make(namespace.id, "builders", NOW)
    assert builders is not None
    tx.namespaces.set_member(namespace.id, alice.id, is_owner=False, now=NOW)
    tx.teams.add_member(builders.id, alice.id)
    ensure(tx)
    return Team(alice, namespace.id, builders.id, a_credential(tx, alice, expires_at=later(50)).id)


@dataclass
class Moment:
    """A clock that a test moves."""

    at_s: float = 0

    def __call__(self) -> float:
        return later(self.at_s).timestamp()


async def publish(database_url: str) -> None:
    """Make all repositories public."""
    await execute(database_url, "UPDATE repository SET visibility = 'public'")


@pytest.fixture
async def team(database: Database) -> Team:
    return await database.write(_make_team)


@pytest.fixture
def policy(database: Database) -> RulesPolicy:
    return a_policy(database)


def a_policy(database: Database, *, anonymous_pull: bool = True, at_s: float = 0) -> RulesPolicy:
    return RulesPolicy(database, anonymous_pull=anonymous_pull, clock=lambda: later(at_s).timestamp())


def as_account(account: Account, proof: Proof | None = None, scope: Scope = EVERYTHING) -> Subject:
    kind = SubjectKind.ROBOT if account.kind is AccountKind.ROBOT else SubjectKind.USER
    return Subject(kind, account.name, account.id, proof or Proof("password", account.generation), scope)


def a_bearer(account: Account, *scopes: TokenScope, credential_id: int | None = None) -> Subject:
    granted = frozenset[tuple[str, str]]().union(*(scope.granted for scope in scopes))
    return as_account(account, Proof("bearer", account.generation, credential_id, granted))


async def held(policy: RulesPolicy, subject: Subject, name: RepositoryName = APP) -> set[Permission]:
    """What `subject` holds on the repository, and on the registry as a whole."""
    return {
        permission
        for permission in Permission
        if await policy.allows(subject, permission, name if permission in OF_REPOSITORIES else None)
    }


# How a role can come to Alice.
Giving = Callable[[Transaction, Team, Role], object]
WAYS: dict[str, Giving] = {
    "by name": lambda tx, team, role: a_grant(tx, "team/app", "team/app", role, account_id=team.alice.id),
    "by pattern": lambda tx, team, role: a_grant(tx, "team/a*", "team/", role, account_id=team.alice.id),
    "everywhere": lambda tx, team, role: a_grant(tx, "*", "", role, account_id=team.alice.id),
    "by team": lambda tx, team, role: a_grant(tx, "team/*", "team/", role, team_id=team.team_id),
    "beside a lesser one": lambda tx, team, role: (
        a_grant(tx, "team/app", "team/app", role, account_id=team.alice.id),
        a_grant(tx, "*", "", "reader", team_id=team.team_id),
    ),
}


@ON_SQLITE
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("is_public", [False, True])
async def test_a_role_gives_what_it_is_for_and_no_more(
    database_url: str, database: Database, policy: RulesPolicy, team: Team, way: str, role: Role, *, is_public: bool
) -> None:
    await database.write(WAYS[way], team, role)
    if is_public:
        await publish(database_url)

    assert await held(policy, as_account(team.alice)) == OF_ACCOUNTS | HELD[role]


@ON_SQLITE
async def test_without_a_role_only_public_repositories_are_read(
    database_url: str, database: Database, policy: RulesPolicy, team: Team
) -> None:
    await database.write(a_grant, "team/other", "team/other", "owner", account_id=team.alice.id)
    await database.write(a_grant, "team/b*", "team/", "owner", account_id=team.alice.id)

    assert await held(policy, as_account(team.alice)) == OF_ACCOUNTS
    await publish(database_url)
    assert await held(policy, as_account(team.alice)) == OF_ACCOUNTS | HELD[Role.READER]
    assert await held(policy, as_account(team.alice), ABSENT) == OF_ACCOUNTS


@ON_SQLITE
@pytest.mark.parametrize("scope_actions", [set[Action](), *({action} for action in Action), set(Action)])
@pytest.mark.parametrize("pattern", ["*", "team/*", "other/*"])
@pytest.mark.parametrize("is_admin", [False, True])
async def test_a_credential_narrows_what_its_account_may(
    database: Database, policy: RulesPolicy, *, scope_actions: set[Action], pattern: str, is_admin: bool
) -> None:
    def make(tx: Transaction) -> Account:
        account = an_account(tx, is_admin=is_admin)
        ensure(tx)
        a_grant(tx, "team/app", "team/app", "owner", account_id=account.id)
        return account

    account = await database.write(make)
    scope = Scope(frozenset(scope_actions), (RepositoryPattern.parse(pattern),))

    expected = {Permission.PUBLIC, Permission.ENTER}
    needs = {
        Action.PULL: {Permission.PULL},
        Action.PUSH: {Permission.PUSH},
        Action.DELETE: {Permission.DELETE},
        Action.MANAGE: {Permission.MAINTAIN, Permission.OWN},
    }
    for action in scope_actions:
        expected |= needs[action] if pattern != "other/*" else set()
    if Action.PULL in scope_actions:
        expected.add(Permission.CATALOG)
    if Action.MANAGE in scope_actions and pattern == "*":
        expected.add(Permission.SELF)
        expected |= {Permission.OBSERVE, Permission.ADMINISTER} if is_admin else set()
    assert await held(policy, as_account(account, scope=scope)) == expected


@ON_SQLITE
@pytest.mark.parametrize(
    ("scopes", "permissions"),
    [
        ([], set()),
        ([TokenScope(APP, frozenset({"pull"}))], {Permission.PULL}),
        ([TokenScope(APP, frozenset({"pull", "push"}))], {Permission.PULL, Permission.PUSH}),
        ([TokenScope(APP, frozenset({"*"}))], HELD[Role.MAINTAINER]),
        ([TokenScope(ABSENT, frozenset({"*"}))], set()),
        ([TokenScope(None, frozenset({"*"}))], {Permission.CATALOG}),
    ],
)
async def test_a_bearer_token_grants_what_it_says_as_far_as_its_account_still_may(
    database: Database, policy: RulesPolicy, team: Team, scopes: list[TokenScope], permissions: set[Permission]
) -> None:
    await database.write(a_grant, "team/app", "team/app", Role.MAINTAINER, account_id=team.alice.id)

    expected = {Permission.PUBLIC, Permission.ENTER} | permissions
    assert await held(policy, a_bearer(team.alice, *scopes)) == expected
    await database.write(lambda tx: [tx.grants.remove(grant.id) for grant in tx.grants.of_account(team.alice.id)])
    assert await held(policy, a_bearer(team.alice, *scopes)) == expected - OF_REPOSITORIES


@ON_SQLITE
async def test_the_subject_of_a_foreign_token_may_exactly_what_that_says(database: Database) -> None:
    policy = a_policy(database)
    granted = TokenScope(NOBODYS, frozenset({"pull", "push"})).granted | TokenScope(None, frozenset({"*"})).granted
    stranger = Subject(SubjectKind.USER, "somebody@example.com", proof=Proof("external", 0, granted=granted))

    always = {Permission.PUBLIC, Permission.ENTER, Permission.CATALOG}
    for subject in (stranger, replace(ANONYMOUS, proof=stranger.proof)):
        assert await held(policy, subject, NOBODYS) == always | HELD[Role.WRITER]
        assert await held(policy, subject, APP) == always
        assert await policy.allows(subject, Permission.CATALOG, APP)
        assert await policy.lives_until(subject) is not None
        assert (await policy.visible(subject)).everything
        assert not await policy.owns(subject, APP.namespace)
    for proof in (None, Proof("password", 1)):
        assert await held(policy, replace(stranger, proof=proof), NOBODYS) == {Permission.PUBLIC}


@ON_SQLITE
@pytest.mark.parametrize("anonymous_pull", [False, True])
@pytest.mark.parametrize("is_public", [False, True])
async def test_without_credentials_public_repositories_are_read_where_that_is_configured(
    database_url: str, database: Database, team: Team, *, anonymous_pull: bool, is_public: bool
) -> None:
    policy = a_policy(database, anonymous_pull=anonymous_pull)
    if is_public:
        await publish(database_url)
    with_token = Subject(ANONYMOUS.kind, proof=Proof("bearer", 0, granted=TokenScope(APP, frozenset({"pull"})).granted))
    with_empty_token = Subject(ANONYMOUS.kind, proof=Proof("bearer", 0, granted=frozenset()))

    catalog = {Permission.CATALOG} if anonymous_pull else set()
    pull = {Permission.PULL} if anonymous_pull and is_public else set()
    assert await held(policy, ANONYMOUS) == {Permission.PUBLIC} | catalog | pull
    assert await held(policy, ANONYMOUS, ABSENT) == {Permission.PUBLIC} | catalog
    assert await held(policy, ANONYMOUS, NOBODYS) == {Permission.PUBLIC} | catalog
    assert await policy.allows(ANONYMOUS, Permission.CATALOG, APP) is bool(pull)
    assert await held(policy, with_token) == {Permission.PUBLIC, Permission.ENTER} | pull
    assert await held(policy, with_empty_token) == {Permission.PUBLIC, Permission.ENTER}
    assert await policy.lives_until(ANONYMOUS) is not None


@ON_SQLITE
@pytest.mark.parametrize("subject", [OPERATOR, system("upload-expiry")])
async def test_who_owns_the_data_may_everything(policy: RulesPolicy, subject: Subject) -> None:
    assert await held(policy, subject, NOBODYS) == set(Permission)
    assert await policy.lives_until(subject) is not None


@ON_SQLITE
async def test_an_administrator_may_everything_everywhere(database: Database, policy: RulesPolicy) -> None:
    root = await database.write(lambda tx: an_account(tx, "root", is_admin=True))

    assert await held(policy, as_account(root), NOBODYS) == set(Permission)
    assert await policy.allows(as_account(root), Permission.PULL, None)
    narrow = Scope(frozenset(Action), (RepositoryPattern.parse("team/*"),))
    assert not await policy.allows(as_account(root, scope=narrow), Permission.PULL, None)


@ON_SQLITE
@pytest.mark.parametrize("is_owner", [False, True])
async def test_owners_of_a_namespace_own_what_is_in_it_and_what_will_be(
    database: Database, policy: RulesPolicy, team: Team, *, is_owner: bool
) -> None:
    await database.write(
        lambda tx: tx.namespaces.set_member(team.namespace_id, team.alice.id, is_owner=is_owner, now=NOW)
    )

    for name in (APP, ABSENT):
        expected = HELD[Role.OWNER] if is_owner else set()
        assert await held(policy, as_account(team.alice), name) == OF_ACCOUNTS | expected


@ON_SQLITE
@pytest.mark.parametrize("is_owner", [False, True])
async def test_a_namespace_is_its_owners_as_far_as_their_credentials_reach(
    database: Database, policy: RulesPolicy, team: Team, *, is_owner: bool
) -> None:
    await database.write(
        lambda tx: tx.namespaces.set_member(team.namespace_id, team.alice.id, is_owner=is_owner, now=NOW)
    )
    await database.write(a_grant, "team/*", "team/", Role.OWNER, account_id=team.alice.id)
    only_team = Scope(frozenset(Action), (RepositoryPattern.parse("team/*"),))
    only_pull = Scope(frozenset({Action.PULL}), EVERYTHING.patterns)

    assert await policy.owns(as_account(team.alice), "team") is is_owner
    assert not await policy.owns(as_account(team.alice), "nobodys")
    for narrow in (as_account(team.alice, scope=only_team), as_account(team.alice, scope=only_pull)):
        assert not await policy.owns(narrow, "team")
    assert not await policy.owns(a_bearer(team.alice, TokenScope(APP, frozenset({"*"}))), "team")
    assert not await policy.owns(ANONYMOUS, "team")
    assert await policy.owns(OPERATOR, "nobodys")
    await database.write(lambda tx: tx.accounts.disable(team.alice.id))
    assert not await policy.owns(as_account(team.alice), "team")


@ON_SQLITE
async def test_a_robot_manages_nothing_whatever_it_was_given(
    database: Database, policy: RulesPolicy, team: Team
) -> None:
    robot = await database.write(lambda tx: an_account(tx, "team+ci", kind=AccountKind.ROBOT))
    await database.write(a_grant, "team/*", "team/", Role.OWNER, account_id=robot.id)
    in_repository = HELD[Role.MAINTAINER]

    assert await held(policy, as_account(robot)) == (OF_ACCOUNTS | in_repository) - OF_NO_ROBOT
    await database.write(lambda tx: tx.namespaces.set_member(team.namespace_id, robot.id, is_owner=True, now=NOW))
    assert await held(policy, as_account(robot)) == (OF_ACCOUNTS | in_repository) - OF_NO_ROBOT
    assert not await policy.owns(as_account(robot), "team")


@ON_SQLITE
async def test_administrators_own_every_namespace(database: Database, policy: RulesPolicy) -> None:
    root = await database.write(lambda tx: an_account(tx, "root", is_admin=True))

    assert await policy.owns(as_account(root), "nobodys")


@ON_SQLITE
async def test_a_push_into_a_namespace_that_nobody_made_says_how_to_make_it(
    database: Database, policy: RulesPolicy, team: Team
) -> None:
    await database.write(a_grant, "*", "", "owner", account_id=team.alice.id)

    with pytest.raises(NamespaceUnknown, match="registry org create nobodys"):
        await policy.allows(as_account(team.alice), Permission.PUSH, NOBODYS)
    assert await policy.allows(as_account(team.alice), Permission.PULL, NOBODYS)
    assert not await policy.allows(a_bearer(team.alice), Permission.PUSH, NOBODYS)


@ON_SQLITE
async def test_the_catalog_shows_the_names_that_may_be_pulled(
    database: Database, policy: RulesPolicy, team: Team
) -> None:
    to_catalog = a_bearer(team.alice, TokenScope(None, frozenset({"*"})))

    assert not await policy.allows(as_account(team.alice), Permission.CATALOG, APP)
    assert not await policy.allows(to_catalog, Permission.CATALOG, APP)
    await database.write(a_grant, "team/app", "team/app", "reader", account_id=team.alice.id)
    assert await policy.allows(as_account(team.alice), Permission.CATALOG, APP)
    assert await policy.allows(to_catalog, Permission.CATALOG, APP)
    assert not await policy.allows(to_catalog, Permission.PULL, APP)
    assert not await policy.allows(a_bearer(team.alice), Permission.CATALOG, APP)


# What happens to Alice's account or credential, and which of her proofs stand after it.
Event = Callable[[Transaction, Team], object]
EVENTS: dict[str, tuple[Event, float, set[str]]] = {
    "nothing": (lambda tx, team: None, 0, {"password", "refresh", "personal", "from password", "from personal"}),
    "a new password": (
        lambda tx, team: tx.accounts.set_password(team.alice.id, "new"),
        0,
        {"personal", "from personal"},
    ),
    "disabled": (lambda tx, team: tx.accounts.disable(team.alice.id), 0, set()),
    "enabled again": (
        lambda tx, team: (tx.accounts.disable(team.alice.id), tx.accounts.enable(team.alice.id)),
        0,
        {"personal", "from personal"},
    ),
    "removed": (lambda tx, team: tx.accounts.remove(team.alice.id), 0, set()),
    "revoked": (
        lambda tx, team: tx.credentials.revoke_kind(team.alice.id, "personal", NOW),
        0,
        {"password", "refresh", "from password"},
    ),
    "the credential expired": (lambda tx, team: None, 50, {"password", "refresh", "from password"}),
}


@pytest.mark.parametrize("event", EVENTS)
async def test_what_falls_with_the_account_its_password_and_its_credentials(
    database: Database, team: Team, event: str
) -> None:
    happen, at_s, standing = EVENTS[event]
    refresh = await database.write(lambda tx: a_credential(tx, team.alice, "refresh", kind="refresh").id)
    to_app = TokenScope(APP, frozenset({"pull"}))
    subjects = {
        "password": as_account(team.alice),
        "refresh": as_account(team.alice, Proof("refresh", team.alice.generation, refresh)),
        "personal": as_account(team.alice, Proof("personal", team.alice.generation, team.credential_id)),
        "from password": a_bearer(team.alice, to_app),
        "from personal": a_bearer(team.alice, to_app, credential_id=team.credential_id),
    }
    await database.write(a_grant, "team/app", "team/app", "reader", team_id=team.team_id)
    moment = Moment()
    policy = RulesPolicy(database, anonymous_pull=True, clock=moment)
    for subject in subjects.values():
        assert await policy.lives_until(subject) is not None
        assert await policy.allows(subject, Permission.PULL, APP)

    await database.write(happen, team)
    moment.at_s = at_s

    assert {name for name, subject in subjects.items() if await policy.lives_until(subject) is not None} == standing
    assert {
        name for name, subject in subjects.items() if await policy.allows(subject, Permission.PULL, APP)
    } == standing
    for name in subjects.keys() - standing:
        assert await held(policy, subjects[name]) == {Permission.PUBLIC}


@ON_SQLITE
async def test_an_account_ends_with_its_time_though_answers_are_remembered(database: Database) -> None:
    robot = await database.write(
        lambda tx: an_account(tx, "team+ci", kind=AccountKind.ROBOT, is_admin=True, expires_at=later(9))
    )

    moment = Moment(8.999)
    policy = RulesPolicy(database, anonymous_pull=True, clock=moment)

    assert await held(policy, as_account(robot)) == set(Permission) - OF_NO_ROBOT
    moment.at_s = 9
    assert await held(policy, as_account(robot)) == {Permission.PUBLIC}


@ON_SQLITE
async def test_what_one_credential_may_says_nothing_of_another_one(database: Database, team: Team) -> None:
    await database.write(a_grant, "team/app", "team/app", "writer", account_id=team.alice.id)
    policy = a_policy(database)
    to_pull = TokenScope(APP, frozenset({"pull"}))
    narrow = Scope(frozenset({Action.PULL}), (RepositoryPattern("team/other"),))
    assert await policy.allows(as_account(team.alice), Permission.PUSH, APP)
    assert await policy.allows(a_bearer(team.alice, to_pull), Permission.PULL, APP)

    assert not await policy.allows(a_bearer(team.alice, to_pull), Permission.PUSH, APP)
    assert not await policy.allows(replace(as_account(team.alice), scope=narrow), Permission.PUSH, APP)
    assert not await policy.allows(a_bearer(team.alice, to_pull), Permission.PULL, ABSENT)
    assert not await policy.allows(as_account(team.alice), Permission.DELETE, APP)


@ON_SQLITE
async def test_another_accounts_credential_proves_nothing(database: Database, team: Team) -> None:
    bob = await database.write(lambda tx: an_account(tx, "bob", is_admin=True))
    policy = a_policy(database)

    assert await policy.lives_until(as_account(bob, Proof("personal", bob.generation, team.credential_id))) is None
    assert await policy.lives_until(replace(as_account(bob), proof=None)) is None


CHANGES: dict[str, Callable[[Team, int], str]] = {
    "a grant is removed": lambda team, grant: f"ungrant {grant}",
    "the account is disabled": lambda team, grant: f"disable {team.alice.id}",
    "the credential is revoked": lambda team, grant: f"revoke {team.alice.id} {team.credential_id}",
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_another_process_takes_away_counts_in_the_very_next_check(
    database_url: str, database: Database, policy: RulesPolicy, team: Team, change: str
) -> None:
    grant = await database.write(lambda tx: a_grant(tx, "team/*", "team/", account_id=team.alice.id).id)
    subject = as_account(team.alice, Proof("personal", team.alice.generation, team.credential_id))
    with changing_process(database_url) as do:
        for _ in range(3):
            assert await policy.allows(subject, Permission.PUSH, APP)

        do(CHANGES[change](team, grant))

        assert not await policy.allows(subject, Permission.PUSH, APP)


@pytest.mark.parametrize("role", Role)
async def test_roles_hold_on_both_databases(
    database_url: str, database: Database, policy: RulesPolicy, team: Team, role: Role
) -> None:
    await database.write(WAYS["by team"], team, role)

    assert await held(policy, as_account(team.alice)) == OF_ACCOUNTS | HELD[role]
    with pytest.raises(NamespaceUnknown):
        await policy.allows(as_account(team.alice), Permission.PUSH, NOBODYS)
    await publish(database_url)
    assert await held(policy, ANONYMOUS) == {Permission.PUBLIC, Permission.CATALOG, Permission.PULL}
