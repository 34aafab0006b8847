"""Who may look after which account and with what, tried by those who should not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from oci_spec.reference import RepositoryName
from registry.auth.account_name import AccountName
from registry.auth.pattern import RepositoryPattern
from registry.auth.permission import Permission
from registry.auth.rules import RulesPolicy
from registry.auth.scope import EVERYTHING, Action, Scope
from registry.auth.subject import ANONYMOUS, OPERATOR, Proof, Subject
from registry.auth.token_scope import TokenScope
from registry.auth.workload_trust import ClaimPattern, WorkloadTrust
from registry.config.issuer import IssuerUrl
from registry.errors import AccountUnknown, CredentialUnknown, Denied, LoginFailed, PasswordRequired
from registry.metadata.account_rows import Account, AccountKind, NewAccount
from registry.metadata.transaction import Transaction
from registry.services import accounts, credentials, workload_trusts
from registry.services.context import Services, now
from tests.registry.assembly import ON_SQLITE, OpenWorker
from tests.registry.auth.test_rules import a_bearer, as_account
from tests.registry.metadata.people import a_credential

pytestmark = ON_SQLITE

ALICE, BOB, ROOT, ROBOT, NOBODY = map(AccountName.parse, ("alice", "bob", "root", "alice+ci", "nobody"))

Attempt = Callable[[Services, Subject], Awaitable[object]]


def show(name: AccountName) -> Attempt:
    return lambda services, subject: accounts.show(services, subject, name)


def list_tokens(name: AccountName) -> Attempt:
    return lambda services, subject: credentials.listing(services, subject, name)


def make_token(name: AccountName) -> Attempt:
    return lambda services, subject: credentials.create(
        services, subject, name, name="mine", scope=EVERYTHING, expires_at=None
    )


def set_password(name: AccountName) -> Attempt:
    return lambda services, subject: accounts.set_password(services, subject, name, "another password")


def add(name: AccountName) -> Attempt:
    return lambda services, subject: accounts.add(services, subject, name, None)


def change(name: AccountName, *, is_disabled: bool | None = None, is_admin: bool | None = None) -> Attempt:
    return lambda services, subject: accounts.change(
        services, subject, name, is_disabled=is_disabled, is_admin=is_admin
    )


def remove(name: AccountName) -> Attempt:
    return lambda services, subject: accounts.remove(services, subject, name)


def trust(name: AccountName) -> Attempt:
    issuer = IssuerUrl("https://ci.example.com")
    workload = WorkloadTrust(issuer, "registry", (ClaimPattern("sub", "repo:alice/app"),))
    return lambda services, subject: workload_trusts.add(services, subject, name, workload)


LOOKING = (show, list_tokens)
GIVING = (make_token, set_password)


@dataclass(frozen=True, slots=True)
class People:
    """A registry with two people, an administrator and a robot of alice's, and a token of all that each of them may."""

    services: Services
    accounts: dict[AccountName, Account]
    tokens: dict[AccountName, int]

    def by_password(self, name: AccountName) -> Subject:
        return as_account(self.accounts[name])

    def by_token(self, name: AccountName, scope: Scope = EVERYTHING) -> Subject:
        account = self.accounts[name]
        kind = "robot" if account.kind is AccountKind.ROBOT else "personal"
        return as_account(account, Proof(kind, account.generation, self.tokens[name]), scope)


@pytest.fixture
async def people(open_worker: OpenWorker) -> People:
    services = await open_worker()
    made = {
        name: await accounts.add(services, OPERATOR, name, None, is_admin=name == ROOT) for name in (ALICE, BOB, ROOT)
    }
    made[ROBOT] = await services.database.write(make_robot)
    tokens = {}
    for name, account in made.items():
        kind = "robot" if name.is_robot else "personal"
        credential = await services.database.write(a_credential, account, str(name), kind=kind)
        tokens[name] = credential.id
    services.policy = RulesPolicy(services.database, anonymous_pull=True)
    return People(services, made, tokens)


def make_robot(tx: Transaction) -> Account:
    namespace = tx.namespaces.find("alice")
    assert namespace is not None
    made = tx.accounts.make(
        NewAccount(
            name=str(ROBOT),
            kind=AccountKind.ROBOT,
            namespace_id=namespace.id,
            created_at=now(),
            created_by="user:alice",
        )
    )
    assert made is not None
    return made


async def test_people_look_after_their_own_account_with_their_password(people: People) -> None:
    alice = people.by_password(ALICE)

    assert (await accounts.show(people.services, alice, ALICE)).name == "alice"
    _, made = await credentials.create(people.services, alice, ALICE, name="laptop", scope=EVERYTHING, expires_at=None)
    assert made.created_by == "user:alice"
    await credentials.revoke(people.services, alice, ALICE, made.id)
    await accounts.set_password(people.services, alice, ALICE, "another password")

    with pytest.raises(Denied):
        # What the old password proved has fallen with it.
        await accounts.show(people.services, alice, ALICE)


async def test_a_stolen_token_looks_and_revokes_but_gives_no_way_in(people: People) -> None:
    for name in (ALICE, ROOT):
        thief = people.by_token(name)
        for give in GIVING:
            with pytest.raises(PasswordRequired):
                await give(name)(people.services, thief)
        for look in LOOKING:
            await look(name)(people.services, thief)
        await credentials.revoke(people.services, thief, name, people.tokens[name])
        with pytest.raises(Denied):
            await show(name)(people.services, thief)

    left = [await credentials.listing(people.services, OPERATOR, name) for name in (ALICE, ROOT)]
    assert [[each.id for each in tokens] for tokens in left] == [[people.tokens[ALICE]], [people.tokens[ROOT]]]


async def test_an_administrators_token_takes_away_and_gives_nobody_a_way_in(people: People) -> None:
    thief = people.by_token(ROOT)
    await accounts.disable(people.services, OPERATOR, BOB)
    giving = [add(NOBODY), change(ALICE, is_admin=True), change(BOB, is_disabled=False)]
    giving += [make_token(ALICE), make_token(ROBOT), set_password(ALICE)]

    for give in giving:
        with pytest.raises(PasswordRequired):
            await give(people.services, thief)
    for take in (change(ALICE, is_disabled=True), change(ALICE, is_admin=False), remove(BOB)):
        await take(people.services, thief)

    standing = await accounts.listing(people.services, OPERATOR, limit=9)
    assert [(each.name, each.is_disabled, each.is_admin) for each in standing] == [
        ("alice", True, False),
        ("alice+ci", False, False),
        ("root", False, True),
    ]


async def test_administrators_look_after_all_accounts_with_their_password(people: People) -> None:
    root = people.by_password(ROOT)
    giving = [add(NOBODY), change(ALICE, is_admin=True), make_token(ALICE), make_token(ROBOT), set_password(ALICE)]

    for attempt in (*giving, show(BOB), list_tokens(BOB)):
        await attempt(people.services, root)


async def test_nobody_learns_who_else_there_is(people: People) -> None:
    # A robot that is asked about another in its own namespace has no more to say there than elsewhere.
    strangers = [people.by_password(ALICE), people.by_token(ALICE), people.by_token(ROBOT), ANONYMOUS]

    for stranger in strangers:
        for attempt in (*LOOKING, *GIVING):
            told = []
            for name in (BOB, NOBODY):
                with pytest.raises(AccountUnknown) as refused:
                    await attempt(name)(people.services, stranger)
                told.append(str(refused.value).replace(str(name), "…"))
            assert len(set(told)) == 1
        for act in (change(BOB, is_admin=True), remove(BOB), add(NOBODY)):
            with pytest.raises(Denied):
                await act(people.services, stranger)
        with pytest.raises(AccountUnknown):
            await credentials.revoke(people.services, stranger, BOB, people.tokens[BOB])
        with pytest.raises(Denied):
            await accounts.listing(people.services, stranger, limit=9)


async def test_nobody_revokes_anothers_token_by_its_number(people: People) -> None:
    alice = people.by_password(ALICE)

    with pytest.raises(AccountUnknown, match="no account bob"):
        await credentials.revoke(people.services, alice, BOB, people.tokens[BOB])
    with pytest.raises(CredentialUnknown):
        await credentials.revoke(people.services, alice, ALICE, people.tokens[BOB])

    [token] = await credentials.listing(people.services, OPERATOR, BOB)
    assert token.is_live(now())


async def test_a_narrow_token_and_a_bearer_token_do_not_reach_the_account(people: People) -> None:
    narrow = [
        Scope(frozenset({Action.PULL, Action.PUSH, Action.DELETE}), EVERYTHING.patterns),
        Scope(EVERYTHING.actions, (RepositoryPattern.parse("alice/*"),)),
    ]
    everything = TokenScope(RepositoryName.parse("alice/app"), frozenset({"*"})), TokenScope(None, frozenset({"*"}))
    bearers = [people.by_token(ALICE, scope) for scope in narrow] + [a_bearer(people.accounts[ALICE], *everything)]
    bearers.append(people.by_token(ROBOT))

    for bearer in bearers:
        own = AccountName.parse(bearer.name)
        for attempt in (*LOOKING, *GIVING):
            with pytest.raises(Denied):
                await attempt(own)(people.services, bearer)
        with pytest.raises(Denied):
            await credentials.revoke(people.services, bearer, own, people.tokens[own])


async def test_robots_are_looked_after_by_who_owns_their_namespace(people: People) -> None:
    alice, bob = people.by_password(ALICE), people.by_password(BOB)

    for attempt in (show(ROBOT), list_tokens(ROBOT), make_token(ROBOT), trust(ROBOT)):
        await attempt(people.services, alice)
        with pytest.raises(AccountUnknown):
            await attempt(people.services, bob)
    for give in (make_token(ROBOT), trust(ROBOT)):
        with pytest.raises(PasswordRequired):
            await give(people.services, people.by_token(ALICE))


class AsItWasWhenAsked(RulesPolicy):
    """The answer that was right when the request came, a moment before everything changed."""

    async def allows(self, subject: Subject, permission: Permission, repository: RepositoryName | None) -> bool:
        return True

    async def owns(self, subject: Subject, namespace: str) -> bool:
        return True


@pytest.mark.parametrize("holder", [ALICE, ROOT])
async def test_a_password_that_was_replaced_meanwhile_gives_no_way_in(people: People, holder: AccountName) -> None:
    services = replace(people.services, policy=AsItWasWhenAsked(people.services.database, anonymous_pull=True))
    old = people.by_password(holder)
    await accounts.set_password(services, OPERATOR, holder, "another password")
    before = await accounts.show(services, OPERATOR, ALICE)

    giving = [make_token(ALICE), set_password(ALICE), add(NOBODY), change(ALICE, is_admin=True), trust(ROBOT)]
    for attempt in giving:
        with pytest.raises(LoginFailed):
            await attempt(services, old)

    assert await accounts.show(services, OPERATOR, ALICE) == before
    assert len(await credentials.listing(services, OPERATOR, ALICE)) == 1


async def test_where_nobody_logs_in_nobody_gets_a_way_in_but_by_command(open_worker: OpenWorker) -> None:
    services = await open_worker()
    await accounts.add(services, OPERATOR, ALICE, None)

    for attempt in (add(BOB), make_token(ALICE), set_password(ALICE), change(ALICE, is_admin=True)):
        with pytest.raises(PasswordRequired):
            await attempt(services, ANONYMOUS)
    for attempt in (show(ALICE), list_tokens(ALICE)):
        await attempt(services, ANONYMOUS)
