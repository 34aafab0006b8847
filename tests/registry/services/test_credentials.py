"""Tokens: shown once, kept as a hash, listed and revoked."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.pattern import RepositoryPattern
from registry.auth.scope import Action, Scope
from registry.auth.secret_text import SecretKind, hash_of, kind_of
from registry.auth.subject import OPERATOR
from registry.errors import AccountUnknown, CredentialInvalid, CredentialsTooMany, CredentialUnknown
from registry.metadata.account_rows import Credential
from registry.services import accounts, credentials
from registry.services.context import Services, now
from tests.registry.assembly import ON_SQLITE
from tests.registry.metadata.people import a_credential

ALICE, BOB = AccountName.parse("alice"), AccountName.parse("bob")
SCOPE = Scope(frozenset({Action.PULL}), (RepositoryPattern.parse("team/*"),))


async def test_a_token_is_found_by_its_hash_alone_and_ends_once(services: Services) -> None:
    for name in (ALICE, BOB):
        await accounts.add(services, OPERATOR, name, None)

    secret, made = await credentials.create(services, OPERATOR, ALICE, name="ci", scope=SCOPE, expires_at=None)

    assert kind_of(secret) is SecretKind.PERSONAL
    assert made.hash == hash_of(secret)
    assert Scope.read(made.scope) == SCOPE
    assert await credentials.listing(services, OPERATOR, ALICE) == [made]
    with pytest.raises(CredentialUnknown):
        await credentials.revoke(services, OPERATOR, BOB, made.id)
    await credentials.revoke(services, OPERATOR, ALICE, made.id)
    with pytest.raises(CredentialUnknown):
        await credentials.revoke(services, OPERATOR, ALICE, made.id)
    [left] = await credentials.listing(services, OPERATOR, ALICE)
    assert not left.is_live(now())


async def test_nobody_has_no_tokens(services: Services) -> None:
    with pytest.raises(AccountUnknown):
        await credentials.create(services, OPERATOR, ALICE, name="ci", scope=SCOPE, expires_at=None)


async def test_ended_tokens_make_room_and_live_ones_do_not(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CREDENTIALS_OF_ACCOUNT", 3)
    account = await accounts.add(services, OPERATOR, ALICE, None)
    await services.database.write(lambda tx: a_credential(tx, account, kind="refresh"))
    first, second, third = [(await a_token(services))[1].id for _ in range(3)]

    with pytest.raises(CredentialsTooMany, match="3 tokens"):
        await a_token(services)
    for ended in (second, first):
        await credentials.revoke(services, OPERATOR, ALICE, ended)
    fourth = (await a_token(services))[1].id

    assert [each.id for each in await credentials.listing(services, OPERATOR, ALICE)] == [fourth, third, second]


async def test_of_two_who_want_the_last_place_one_gets_it(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CREDENTIALS_OF_ACCOUNT", 1)
    await accounts.add(services, OPERATOR, ALICE, None)

    made = await asyncio.gather(a_token(services), a_token(services), return_exceptions=True)

    assert sum(isinstance(each, CredentialsTooMany) for each in made) == 1


@ON_SQLITE
async def test_a_token_that_makes_no_sense_is_refused_with_the_reason(services: Services) -> None:
    await accounts.add(services, OPERATOR, ALICE, None)
    wishes: list[tuple[dict[str, Any], str]] = [
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "printable"),
        ({"name": "a" * 65}, "64"),
        ({"expires_at": now()}, "expired already"),
        ({"expires_at": now() + timedelta(days=limits.CREDENTIAL_DAYS + 1)}, "3650 days"),
        ({"scope": Scope(frozenset(), SCOPE.patterns)}, "for nothing"),
        ({"scope": Scope(SCOPE.actions, ())}, "for nothing"),
        ({"scope": Scope(SCOPE.actions, SCOPE.patterns * 33)}, "32"),
    ]

    for wish, reason in wishes:
        with pytest.raises(CredentialInvalid, match=reason):
            await a_token(services, **wish)

    assert await credentials.listing(services, OPERATOR, ALICE) == []


async def a_token(services: Services, **wishes: Any) -> tuple[str, Credential]:
    wished = {"name": "ci", "scope": SCOPE, "expires_at": None, **wishes}
    return await credentials.create(services, OPERATOR, ALICE, **wished)
