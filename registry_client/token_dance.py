"""The dance for a token, without I/O: which request is to be made next, and what its answer means.

(distribution's "Token Authentication Specification" and "OAuth2 Token Authentication")

Who leads it sends the request that a step yields, and gives back the answer; `return` gives the token:

    GET realm?service=…&scope=…     anonymous, or with a password
    POST realm, grant_type=…        with an identity token; with a password where the server does not take GET
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from yarl import URL

from registry_client import limits
from registry_client.challenge import Challenge
from registry_client.credentials import Anonymous, Credentials, IdentityToken, Password
from registry_client.errors import AnswerInvalid, RealmRefused, RedirectRefused, cleaned
from registry_client.json_answers import read_object
from registry_client.origin import Origin, pointed_to, shown
from registry_client.scopes import Scopes

_CLIENT_ID = "moorage"
_LIFE_DIGITS = 9
# A server without the endpoint, or with another idea of it, does not answer to the method.
_NOT_HERE = frozenset({404, 405})


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request to a token server; `form` is the body of a POST, form-encoded."""

    url: URL
    authorization: str | None = field(default=None, repr=False)
    form: bytes | None = field(default=None, repr=False)

    @property
    def method(self) -> str:
        """A request without a form asks by GET."""
        return "GET" if self.form is None else "POST"


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """An answer of a token server: 200, or a status of which `TokenRequest`s are made anew."""

    status: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """What a token server granted: good for `life_s` from when it was asked for.

    `refresh` is the identity token that takes the place of the one that was used, if the server changes it.
    """

    text: str = field(repr=False)
    life_s: float
    refresh: str | None = field(default=None, repr=False)


def dance(
    realm: URL, service: str, scopes: Scopes, credentials: Credentials
) -> Generator[TokenRequest, TokenAnswer, Token]:
    """The steps to a token for `scopes`.

    Raises:
        AnswerInvalid: the last answer holds no token.
    """
    if isinstance(credentials, IdentityToken):
        answer = yield _post(
            realm, service, scopes, {"grant_type": "refresh_token", "refresh_token": credentials.token}
        )
    else:
        answer = yield _get(realm, service, scopes, credentials)
        if answer.status in _NOT_HERE and isinstance(credentials, Password):
            answer = yield _post(
                realm,
                service,
                scopes,
                {"grant_type": "password", "username": credentials.username, "password": credentials.password},
            )
    if answer.status in _NOT_HERE:
        raise AnswerInvalid(f"there is no token server at {shown(realm)}")
    return read_token(answer.body)


def realm_of(challenge: Challenge, registry: Origin, *, plain_http: bool) -> URL:
    """Where a challenge of `registry` says that tokens are had.

    A registry chooses its own token server, and that gets this registry's credentials and no other's. It must be
    secured; or, where the registry is not either, on the same host, or anywhere with `plain_http`.

    Raises:
        RealmRefused: the challenge names no such place.
    """
    text = challenge.parameters.get("realm", "")
    try:
        realm = pointed_to(text, registry.url("/v2/"))
    except (RedirectRefused, AnswerInvalid) as error:
        raise RealmRefused(cleaned(text), str(error)) from None
    origin = Origin.of(realm)
    if origin.scheme == "http" and origin.host != registry.host and not plain_http:
        raise RealmRefused(cleaned(text), "it is another host, and not secured")
    return realm


def read_token(body: bytes) -> Token:
    """The token in a token server's answer.

    Raises:
        AnswerInvalid: there is none, or none that can be sent.
    """
    answer = read_object(body)
    text = answer.get("token") or answer.get("access_token")
    if not isinstance(text, str) or not _can_be_sent(text):
        raise AnswerInvalid("the token server gave no token")
    refresh = answer.get("refresh_token")
    rotated = refresh if isinstance(refresh, str) and _can_be_sent(refresh) else None
    return Token(text, _life_s(answer.get("expires_in")), rotated)


def _get(realm: URL, service: str, scopes: Scopes, credentials: Anonymous | Password) -> TokenRequest:
    parameters = [("service", service)] if service else []
    parameters += [("scope", text) for text in scopes.texts()]
    parameters.append(("client_id", _CLIENT_ID))
    authorization = credentials.basic() if isinstance(credentials, Password) else None
    return TokenRequest(_with_parameters(realm, parameters), authorization)


def _post(realm: URL, service: str, scopes: Scopes, grant: dict[str, str]) -> TokenRequest:
    form = {**grant, "service": service, "client_id": _CLIENT_ID, "scope": " ".join(scopes.texts())}
    return TokenRequest(realm, form=urlencode({name: value for name, value in form.items() if value}).encode())


def _with_parameters(realm: URL, parameters: list[tuple[str, str]]) -> URL:
    # Colons, slashes and commas stay readable: they are legal in a query, and some servers only split what they see.
    encoded = urlencode(parameters, quote_via=quote, safe="/:,*")
    return URL(f"{realm}{'&' if '?' in str(realm) else '?'}{encoded}", encoded=True)


def _can_be_sent(text: str) -> bool:
    return 0 < len(text) <= limits.TOKEN_CHARACTERS and text.isascii() and text.isprintable() and " " not in text


def _life_s(told: object) -> float:
    # Some servers send the number as text.
    if isinstance(told, str) and told.isascii() and told.isdigit() and len(told) <= _LIFE_DIGITS:
        told = int(told)
    if isinstance(told, bool) or not isinstance(told, int | float):
        return limits.TOKEN_LIFE_S
    # In this order: nothing compares with what is not a number, so that the bound stays.
    return min(limits.TOKEN_LIFE_MAX_S, max(limits.TOKEN_LIFE_S, told))
