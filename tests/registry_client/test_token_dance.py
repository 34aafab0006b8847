import json
from collections.abc import Generator
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from registry_client import limits
from registry_client.challenge import Challenge
from registry_client.credentials import Anonymous, Credentials, IdentityToken, Password
from registry_client.errors import AnswerInvalid, RealmRefused
from registry_client.origin import Origin
from registry_client.scopes import NOTHING, Scopes
from registry_client.token_dance import Token, TokenAnswer, TokenRequest, dance, read_token, realm_of

REALM = URL("https://auth.example/token?tenant=a%2Fb", encoded=True)
SCOPES = Scopes.parse("repository:a/b:pull,push repository:c:pull")
ALI = Password("ali", "open sesame")
GRANTED = TokenAnswer(200, b'{"token": "t"}')


def begun(credentials: Credentials) -> tuple[Generator[TokenRequest, TokenAnswer, Token], TokenRequest]:
    steps = dance(REALM, "registry", SCOPES, credentials)
    return steps, next(steps)


def ended(steps: Generator[TokenRequest, TokenAnswer, Token], answer: TokenAnswer) -> Token:
    with pytest.raises(StopIteration) as end:
        steps.send(answer)
    token: Token = end.value.value
    return token


@pytest.mark.parametrize(("credentials", "authorization"), [(Anonymous(), None), (ALI, "Basic YWxpOm9wZW4gc2VzYW1l")])
def test_a_token_is_asked_for_with_the_realms_own_query_kept(
    credentials: Credentials, authorization: str | None
) -> None:
    steps, request = begun(credentials)

    assert (request.method, request.authorization) == ("GET", authorization)
    assert str(request.url) == (
        f"{REALM}&service=registry&scope=repository:a/b:pull,push&scope=repository:c:pull&client_id=moorage"
    )
    assert ended(steps, GRANTED) == Token("t", limits.TOKEN_LIFE_S)


def test_an_identity_token_is_posted() -> None:
    steps, request = begun(IdentityToken("r&r"))

    assert (request.method, request.url, request.authorization) == ("POST", REALM, None)
    assert dict(parse_qsl((request.form or b"").decode())) == {
        "grant_type": "refresh_token",
        "refresh_token": "r&r",
        "service": "registry",
        "client_id": "moorage",
        "scope": "repository:a/b:pull,push repository:c:pull",
    }
    answer = TokenAnswer(200, b'{"access_token": "t", "refresh_token": "new", "expires_in": 900}')
    assert ended(steps, answer) == Token("t", 900, "new")


@pytest.mark.parametrize("status", [404, 405])
def test_a_password_is_posted_where_get_is_not_taken(status: int) -> None:
    steps, _ = begun(ALI)

    request = steps.send(TokenAnswer(status, b""))

    assert request.method == "POST"
    assert dict(parse_qsl((request.form or b"").decode()))["password"] == "open sesame"
    with pytest.raises(AnswerInvalid):
        steps.send(TokenAnswer(status, b""))


@pytest.mark.parametrize("credentials", [Anonymous(), IdentityToken("r")])
def test_where_there_is_no_token_server_there_is_no_token(credentials: Credentials) -> None:
    steps, _ = begun(credentials)

    with pytest.raises(AnswerInvalid, match=r"no token server at https://auth\.example/token$"):
        steps.send(TokenAnswer(404, b""))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"[" * 10**5,
        b"{}",
        b'{"token": null}',
        b'{"token": 1}',
        b'{"token": ""}',
        b'{"token": "a b"}',
        b'{"token": "a\\r\\nX: y"}',
        '{"token": "é"}'.encode(),
        b'{"token":"' + b"a" * 10**5 + b'"}',
    ],
)
def test_what_is_no_token_is_not_sent(body: bytes) -> None:
    with pytest.raises(AnswerInvalid):
        read_token(body)


@given(st.integers() | st.floats() | st.text() | st.booleans() | st.none() | st.lists(st.integers()))
def test_a_token_lives_at_least_a_minute_and_not_for_ever(told: Any) -> None:
    token = read_token(json.dumps({"token": "t", "expires_in": told}).encode())

    assert limits.TOKEN_LIFE_S <= token.life_s <= limits.TOKEN_LIFE_MAX_S


@pytest.mark.parametrize(("told", "life_s"), [(300, 300), ("300", 300), (5, 60), (300.5, 300.5)])
def test_a_token_lives_as_long_as_its_server_says(told: Any, life_s: float) -> None:
    assert read_token(json.dumps({"token": "t", "expires_in": told}).encode()).life_s == life_s


SECURE = Origin("https", "registry.example", 443)
PLAIN = Origin("http", "registry.example", 5000)


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        (SECURE, "https://auth.elsewhere/token"),
        (PLAIN, "https://auth.elsewhere/token"),
        (PLAIN, "http://registry.example:5001/token"),
        (SECURE, "/token"),
    ],
)
def test_a_realm_is_secured_or_on_the_host_of_a_registry_that_is_not(registry: Origin, realm: str) -> None:
    found = realm_of(Challenge("bearer", {"realm": realm}), registry, plain_http=False)

    assert str(found).endswith(realm)


@pytest.mark.parametrize("plain_http", [False, True])
@pytest.mark.parametrize(
    "realm",
    [
        "",
        "http://registry.example/token",
        "file:///etc/passwd",
        "ftp://registry.example/",
        "https://user:pass@registry.example/token",
        "https://",
        "https://registry.example/\r\nX: y",
        "https://registry.example:99999/",
        "token server",
    ],
)
def test_nothing_is_sent_to_a_hostile_realm(realm: str, plain_http: bool) -> None:
    with pytest.raises(RealmRefused):
        realm_of(Challenge("bearer", {"realm": realm}), SECURE, plain_http=plain_http)


def test_a_realm_that_is_not_secured_is_on_another_host_only_where_that_is_allowed() -> None:
    challenge = Challenge("bearer", {"realm": "http://auth.elsewhere/token"})

    with pytest.raises(RealmRefused):
        realm_of(challenge, PLAIN, plain_http=False)
    assert realm_of(challenge, PLAIN, plain_http=True) == URL("http://auth.elsewhere/token")


def test_no_secret_is_ever_shown() -> None:
    _, get = begun(ALI)
    _, post = begun(IdentityToken("hidden"))
    shown = repr([ALI, IdentityToken("hidden"), get, post, Token("hidden", 1, "hidden"), TokenAnswer(200, b"hidden")])

    for secret in ("sesame", "hidden", "YWxpOm9wZW4gc2VzYW1l"):
        assert secret not in shown
    assert begun(Anonymous())[1] == begun(Anonymous())[1]
    assert NOTHING.texts() == []
