"""How the text of any bearer token is taken apart and checked, whoever has signed it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import jwt
import msgspec
from jwt.types import Options

from registry import limits
from registry.auth import token_scope
from registry.auth.token_scope import Granted
from registry.errors import TokenExpired, TokenInvalid

_PARTS: Final = 3
# Times, issuer and audience are checked by us: by our clock and our types.
_SIGNATURE_ONLY: Final[Options] = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
_UNPROVED: Final[Options] = {**_SIGNATURE_ONLY, "verify_signature": False}

T = TypeVar("T")


class AccessEntry(msgspec.Struct, frozen=True):
    """An entry of a token's `access`."""

    type: str
    name: str
    actions: list[str]


@dataclass(frozen=True, slots=True)
class Times:
    """When a token expires, is valid from, and was made: seconds since 1970."""

    expires: int
    not_before: int
    issued: int


def check_length(text: str) -> None:
    """Return when `text` is short enough to be looked at and has a token's three parts.

    Raises:
        TokenInvalid: it is or has not.
    """
    if len(text) > limits.TOKEN_CHARACTERS or text.count(".") != _PARTS - 1 or not text.isascii():
        raise TokenInvalid("it has not the form of a token")


def header(text: str) -> Mapping[str, Any]:
    """The header, of which nothing is proved.

    Raises:
        TokenInvalid: there is none.
    """
    try:
        return jwt.get_unverified_header(text)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise TokenInvalid("its header cannot be read") from None


def payload(text: str, key: Any, algorithms: Sequence[str]) -> Mapping[str, Any]:
    """The claims, which the holder of `key` signed by one of `algorithms`.

    Raises:
        TokenInvalid: the signature is not of this key or not of these algorithms.
    """
    try:
        return jwt.decode(text, key, algorithms=algorithms, options=_SIGNATURE_ONLY)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise TokenInvalid("its signature is not right") from None


def unproved_payload(text: str) -> Mapping[str, Any]:
    """The claims, of which nothing is proved: to find out who has to be asked whether they are true.

    Raises:
        TokenInvalid: there are none.
    """
    try:
        return jwt.decode(text, options=_UNPROVED)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise TokenInvalid("its claims cannot be read") from None


def converted(claims: Mapping[str, Any], kind: type[T]) -> T:
    """The claims as `kind` declares them.

    Raises:
        TokenInvalid: one is missing or of another type.
    """
    try:
        return msgspec.convert(claims, kind)
    except msgspec.ValidationError:
        raise TokenInvalid("its claims are not what they have to be") from None


def check_times(times: Times, now: float, forgiven_s: float = 0) -> None:
    """Return when a token of these times is valid at `now`, give or take `limits.TOKEN_SKEW_S`.

    Its end may lie `forgiven_s` further back.

    Raises:
        TokenExpired: it has expired.
        TokenInvalid: it was made for later.
    """
    if max(times.not_before, times.issued) - limits.TOKEN_SKEW_S > now:
        raise TokenInvalid("it is not valid yet")
    if times.expires + limits.TOKEN_SKEW_S + forgiven_s <= now:
        raise TokenExpired


def granted(access: Iterable[AccessEntry]) -> Granted:
    """What a token with this `access` may be used for."""
    scopes = (token_scope.understood(entry.type, entry.name, entry.actions) for entry in access)
    return frozenset(pair for scope in scopes if scope is not None for pair in scope.granted)
