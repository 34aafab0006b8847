"""Whose our bearer tokens are, request after request: remembered, and not a moment longer than it is certain."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from oci_spec.reference import RepositoryName
from registry import limits
from registry.auth.bearers import Bearers
from registry.auth.key_material import Algorithm, Vault
from registry.auth.rules import RulesPolicy
from registry.auth.signing_keys import SigningKeys
from registry.auth.subject import ANONYMOUS, Proof, Subject, SubjectKind
from registry.auth.token_scope import TokenScope
from registry.auth.tokens import Tokens
from registry.errors import LoginFailed, TokenExpired, TokenInvalid
from registry.metadata.account_rows import Account
from registry.metadata.database import Database
from registry.metadata.transaction import Transaction
from tests.registry.assembly import ON_SQLITE
from tests.registry.metadata.people import a_credential, an_account

LIFETIME_S = 60
PULL = TokenScope(RepositoryName.parse("team/app"), frozenset({"pull"}))


class Clock:
    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now


@dataclass
class Way:
    """A worker's way to prove bearers, by a clock that a test moves."""

    clock: Clock
    keys: SigningKeys
    tokens: Tokens
    bearers: Bearers

    async def proves(self, text: str) -> Subject:
        """Who brings the token, as a request would ask."""
        header = f"Bearer {text}"
        return self.bearers.certain(header) or await self.bearers.subject(header, text)

    def is_certain(self, text: str) -> bool:
        """Whether nothing would have to be asked."""
        return self.bearers.certain(f"Bearer {text}") is not None


@pytest.fixture
def way(database: Database) -> Way:
    clock = Clock()
    keys = SigningKeys(database, Vault(), Algorithm.ES256, LIFETIME_S, clock=clock)
    tokens = Tokens(keys, issuer="moorage", service="moorage", lifetime_s=LIFETIME_S, clock=clock)
    policy = RulesPolicy(database, anonymous_pull=True, clock=clock)
    return Way(clock, keys, tokens, Bearers(tokens, policy, database, clock=clock))


@pytest.fixture
async def alice(database: Database) -> Account:
    return await database.write(an_account)


async def token_of(way: Way, account: Account, credential_id: int | None = None) -> str:
    proof = Proof("password" if credential_id is None else "personal", account.generation, credential_id)
    return (await way.tokens.issue(Subject(SubjectKind.USER, account.name, account.id, proof), [PULL])).text


FALLING: dict[str, Callable[[Transaction, Account, int], object]] = {
    "the account is disabled": lambda tx, alice, _: tx.accounts.disable(alice.id),
    "the credential is removed": lambda tx, _, credential_id: tx.credentials.remove([credential_id]),
}


@pytest.mark.parametrize("event", FALLING)
async def test_a_bearer_falls_with_what_the_token_was_given_for(
    database: Database, way: Way, alice: Account, event: str
) -> None:
    made = await database.write(a_credential, alice)
    text = await token_of(way, alice, made.id)
    for _ in range(2):
        assert (await way.proves(text)).name == "alice"

    await database.write(FALLING[event], alice, made.id)

    with pytest.raises(LoginFailed):
        await way.proves(text)


@ON_SQLITE
async def test_nothing_is_asked_again_until_the_database_changes(database: Database, way: Way, alice: Account) -> None:
    text = await token_of(way, alice)

    subject = await way.proves(text)

    assert way.is_certain(text)
    assert await way.proves(text) is subject
    assert not way.is_certain(await token_of(way, alice))
    await database.write(an_account, "bob")
    assert not way.is_certain(text)
    assert (await way.proves(text)).proof == subject.proof


@ON_SQLITE
async def test_the_end_of_a_token_is_noticed_though_nothing_changes(way: Way, alice: Account) -> None:
    text = await token_of(way, alice)
    way.clock.now += LIFETIME_S + limits.TOKEN_SKEW_S - 0.5
    await way.proves(text)
    assert way.is_certain(text)

    way.clock.now += 0.5

    assert not way.is_certain(text)
    with pytest.raises(TokenExpired):
        await way.proves(text)


@ON_SQLITE
async def test_the_end_of_an_account_is_noticed_though_nothing_changes(database: Database, way: Way) -> None:
    end = way.clock.now + 1
    ending = await database.write(lambda tx: an_account(tx, expires_at=datetime.fromtimestamp(end, UTC)))
    text = await token_of(way, ending)
    await way.proves(text)
    assert way.is_certain(text)

    way.clock.now = end

    with pytest.raises(LoginFailed):
        await way.proves(text)


@ON_SQLITE
async def test_keys_are_looked_at_again_every_two_seconds(database: Database, way: Way, alice: Account) -> None:
    text = await token_of(way, alice)
    await database.write(way.keys.replace_all)
    # As long may a worker go by the keys that it has read.
    await way.proves(text)

    way.clock.now += limits.SIGNING_KEYS_FRESH_S

    assert not way.is_certain(text)
    with pytest.raises(TokenInvalid):
        await way.proves(text)


@ON_SQLITE
async def test_a_clock_that_is_set_back_makes_nothing_certain_for_longer(way: Way, alice: Account) -> None:
    text = await token_of(way, alice)
    await way.proves(text)

    way.clock.now -= 5

    assert not way.is_certain(text)


@ON_SQLITE
async def test_the_bearer_of_a_token_for_nobody_is_anonymous(way: Way) -> None:
    text = (await way.tokens.issue(ANONYMOUS, [PULL])).text

    assert await way.proves(text) == ANONYMOUS
    assert way.is_certain(text)
