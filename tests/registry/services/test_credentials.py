"""Tokens: shown once, kept as a hash, listed and revoked."""

from __future__ import annotations

import pytest

from registry.auth.account_name import AccountName
from registry.auth.pattern import RepositoryPattern
from registry.auth.scope import Action, Scope
from registry.auth.secret_text import SecretKind, hash_of, kind_of
from registry.auth.subject import OPERATOR
from registry.errors import AccountUnknown, CredentialUnknown
from registry.services import accounts, credentials
from registry.services.context import Services, now

ALICE, BOB = AccountName.parse("alice"), AccountName.parse("bob")
SCOPE = Scope(frozenset({Action.PULL}), (RepositoryPattern.parse("team/*"),))


async def test_a_token_is_found_by_its_hash_alone_and_ends_once(services: Services) -> None:
    for name in (ALICE, BOB):
        await accounts.add(services, OPERATOR, name, "hash")

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
