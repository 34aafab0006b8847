"""ID tokens: what a provider has signed is believed, and every forgery and every other token is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from structlog.testing import capture_logs

from registry import limits
from registry.auth.id_tokens import IdTokens, unproved_issuer
from registry.auth.openid_providers import OpenIdProviders
from registry.config.issuer import IssuerUrl
from registry.config.values import Network
from registry.egress.client import Client
from registry.errors import TokenInvalid, TrustedKeysUnavailable
from tests.openid import OpenIdProvider, new_key, openid_provider


class Clock:
    """Seconds that go by when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return new_key()


@pytest.fixture(scope="module")
def foreign() -> rsa.RSAPrivateKey:
    return new_key()


@pytest.fixture
async def provider(key: rsa.RSAPrivateKey) -> AsyncIterator[OpenIdProvider]:
    async with openid_provider(key) as provider:
        yield provider


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def egress() -> AsyncIterator[Client]:
    client = Client([Network.parse("127.0.0.0/8")])
    yield client
    await client.close()


@pytest.fixture
async def tokens(egress: Client, clock: Clock) -> AsyncIterator[IdTokens]:
    providers = OpenIdProviders(egress, clock)
    yield IdTokens(providers)
    await providers.close()


async def is_refused(tokens: IdTokens, provider: OpenIdProvider, text: str) -> bool:
    try:
        await tokens.verify(text, provider.issuer)
    except TokenInvalid:
        return True
    return False


async def test_a_token_says_who_somebody_is_and_for_whom_it_was_made(
    tokens: IdTokens, provider: OpenIdProvider
) -> None:
    token = await tokens.verify(provider.token(azp="cli", groups=["dev"]), provider.issuer)

    assert (token.issuer, token.subject) == (provider.issuer, "user-1")
    assert token.audiences == {"moorage"}
    assert (token.authorized_party, token.claims["groups"]) == ("cli", ["dev"])
    assert 0 <= tokens.age_s(token) < 60


async def test_several_audiences_are_told(tokens: IdTokens, provider: OpenIdProvider) -> None:
    token = await tokens.verify(provider.token(aud=["moorage", "other"]), provider.issuer)

    assert token.audiences == {"moorage", "other"}


NOW = int(time.time())


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://issuer.example"},
        {"iss": ...},
        {"sub": ...},
        {"sub": ""},
        {"sub": "x" * (limits.SUBJECT_CHARACTERS + 1)},
        {"sub": 7},
        {"aud": ...},
        {"aud": [7]},
        {"exp": ...},
        {"exp": NOW - 3600},
        {"exp": "tomorrow"},
        {"iat": ...},
        {"iat": NOW + 7 * 86_400},
        {"nbf": NOW + 7 * 86_400},
    ],
    # No times: processes that share the tests must have the same names for them.
    ids="".join,
)
async def test_a_token_of_somebody_else_or_of_another_time_is_refused(
    tokens: IdTokens, provider: OpenIdProvider, changes: dict[str, Any]
) -> None:
    assert await is_refused(tokens, provider, provider.token(**changes))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "at+jwt"},
        {"typ": "logout+jwt"},
        {"crit": ["exp"]},
        {"jku": "http://127.0.0.1/keys"},
        {"x5u": "http://127.0.0.1/keys"},
        {"jwk": {"kty": "RSA"}},
        {"kid": "2"},
        {"kid": ["1"]},
        {"kid": None},
    ],
    ids=str,
)
async def test_a_header_that_asks_for_another_key_or_use_is_refused(
    tokens: IdTokens, provider: OpenIdProvider, header: dict[str, Any]
) -> None:
    text = provider.token()
    _, claims, signature = text.split(".")
    changed = {**jwt.get_unverified_header(text), **header}

    assert await is_refused(tokens, provider, f"{encoded(changed)}.{claims}.{signature}")


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_a_signature_of_another_key_is_refused(
    tokens: IdTokens, provider: OpenIdProvider, foreign: rsa.RSAPrivateKey
) -> None:
    text = jwt.encode(provider.claims(), foreign, algorithm="RS256", headers={"kid": "1"})

    assert await is_refused(tokens, provider, text)


async def test_no_signature_and_one_with_the_public_key_as_a_secret_are_refused(
    tokens: IdTokens, provider: OpenIdProvider, key: rsa.RSAPrivateKey
) -> None:
    unsigned = f"{encoded({'alg': 'none', 'kid': '1'})}.{encoded(provider.claims())}."
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{encoded({'alg': 'HS256', 'kid': '1'})}.{encoded(provider.claims())}"
    digest = hmac.digest(public, signed.encode(), hashlib.sha256)
    confused = f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"

    for text in (unsigned, confused, "", "a.b.c", "x" * (limits.TOKEN_CHARACTERS + 1)):
        assert await is_refused(tokens, provider, text)


async def test_another_algorithm_than_the_keys_own_is_refused(
    tokens: IdTokens, provider: OpenIdProvider, key: rsa.RSAPrivateKey
) -> None:
    text = jwt.encode(provider.claims(), key, algorithm="PS256", headers={"kid": "1"})

    assert await is_refused(tokens, provider, text)


async def test_keys_are_asked_for_once_and_again_when_they_may_have_changed(
    tokens: IdTokens, provider: OpenIdProvider, clock: Clock, foreign: rsa.RSAPrivateKey
) -> None:
    old = provider.token()
    await tokens.verify(old, provider.issuer)
    await tokens.verify(old, provider.issuer)
    assert provider.key_questions == 1

    provider.keys["2"] = foreign
    # Whoever makes tokens with keys of their own causes no more questions than this.
    assert await is_refused(tokens, provider, provider.token())
    assert provider.key_questions == 1
    clock.now += limits.TRUSTED_KEYS_AGAIN_S
    await tokens.verify(provider.token(), provider.issuer)
    assert provider.key_questions == 2

    del provider.keys["1"]
    await tokens.verify(old, provider.issuer)
    clock.now += limits.TRUSTED_KEYS_STALE_S
    assert await is_refused(tokens, provider, old)
    assert provider.key_questions == 3


async def test_a_provider_that_does_not_answer_is_asked_again_after_a_while(
    tokens: IdTokens, provider: OpenIdProvider, clock: Clock
) -> None:
    provider.status = 503
    for _ in range(3):
        with pytest.raises(TrustedKeysUnavailable):
            await tokens.verify(provider.token(), provider.issuer)
    assert len(provider.server.asked) == 1

    provider.status = 200
    clock.now += limits.TRUSTED_KEYS_AGAIN_S
    assert (await tokens.verify(provider.token(), provider.issuer)).subject == "user-1"


@pytest.mark.parametrize(
    "document", [{"issuer": "https://issuer.example"}, {"jwks_uri": 7}, {"jwks_uri": "file:///etc/passwd"}], ids=str
)
async def test_a_document_that_is_not_the_providers_own_is_no_reason_to_trust(
    tokens: IdTokens, provider: OpenIdProvider, document: dict[str, Any]
) -> None:
    provider.document = document

    with pytest.raises(TrustedKeysUnavailable):
        await tokens.verify(provider.token(), provider.issuer)


async def test_a_provider_at_an_address_that_is_not_allowed_is_not_asked(provider: OpenIdProvider) -> None:
    egress = Client()

    with capture_logs() as lines, pytest.raises(TrustedKeysUnavailable):
        await IdTokens(OpenIdProviders(egress)).verify(provider.token(), provider.issuer)

    assert "egress.allow" in lines[0]["cause"]
    assert provider.server.asked == []
    await egress.close()


async def test_of_very_many_providers_some_are_asked_again(
    egress: Client, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "OPENID_PROVIDERS", 1)
    tokens = IdTokens(OpenIdProviders(egress))
    await tokens.verify(provider.token(), provider.issuer)
    with pytest.raises(TrustedKeysUnavailable):
        await tokens.verify(provider.token(), IssuerUrl.parse("https://nowhere.invalid"))

    await tokens.verify(provider.token(), provider.issuer)

    assert provider.key_questions == 2


def test_who_claims_to_have_made_a_token_can_be_read() -> None:
    text = jwt.encode({"iss": "https://issuer.example"}, "x" * 32, algorithm="HS256")

    assert unproved_issuer(text) == "https://issuer.example"
    assert unproved_issuer("a.b.c") is None
    assert unproved_issuer("hunter2") is None
    assert unproved_issuer(jwt.encode({"sub": "x"}, "x" * 32, algorithm="HS256")) is None


@pytest.mark.parametrize(
    "text",
    ["https://login.example.com", "https://login.example.com/", "https://a.example/b/c", "http://localhost:9998/"],
)
def test_an_issuer_is_kept_as_it_is_written(text: str) -> None:
    assert str(IssuerUrl.parse(text)) == text
    assert IssuerUrl.parse(text).discovery_url == f"{text.removesuffix('/')}/.well-known/openid-configuration"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "login.example.com",
        "http://login.example.com",
        "https://",
        "https://a@b.example",
        "https://a.example/?x=1",
        "https://a.example/#x",
        "https://a.example/ b",
        "https://a.example/\n",
        "ftp://a.example",
        "https://[::1",
    ],
)
def test_what_is_no_issuer_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"URL|IPv6"):
        IssuerUrl.parse(text)
