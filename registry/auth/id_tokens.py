"""ID tokens of OpenID providers: who somebody is, or which job of a CI system, as a provider has signed it.

They are verified as OpenID Connect Core, section 3.1.3.7, asks, and by nothing that the token itself brings: the key
comes from the provider, by the name under which it is trusted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from registry import limits
from registry.auth import token_text
from registry.auth.openid_providers import OpenIdProviders
from registry.auth.token_text import Times
from registry.auth.trusted_keys import ALGORITHMS
from registry.config.issuer import IssuerUrl
from registry.errors import TokenInvalid

# `at+jwt` and others are tokens for another use, which must not be taken for this one (RFC 8725, section 3.11).
_TYPES: Final = frozenset({"JWT", "jwt"})
_HEADERS: Final = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})


class _Claims(msgspec.Struct, frozen=True, kw_only=True):
    iss: str
    sub: str
    aud: str | list[str]
    exp: int
    iat: int
    nbf: int = 0
    azp: str | None = None


@dataclass(frozen=True, slots=True)
class IdToken:
    """What a provider says of whom it calls `subject`; `claims` are all that the token holds."""

    issuer: IssuerUrl
    subject: str
    audiences: frozenset[str]
    authorized_party: str | None
    issued_at: int
    claims: Mapping[str, Any]


class IdTokens:
    """Verifies ID tokens by the keys of `providers`."""

    def __init__(self, providers: OpenIdProviders, clock: Callable[[], float] = time.time) -> None:
        """Judge times by `clock`, in seconds since 1970."""
        self._providers = providers
        self._clock = clock

    async def verify(self, text: str, issuer: IssuerUrl) -> IdToken:
        """What the token `text` says, which `issuer` has signed and which is valid now. For whom, its caller checks.

        Raises:
            TokenInvalid: it is not of this issuer, not valid now, or no ID token at all.
            TrustedKeysUnavailable: the issuer cannot be asked for its keys.
        """
        token_text.check_length(text)
        header = token_text.header(text)
        if header.keys() - _HEADERS or header.get("typ", "JWT") not in _TYPES:
            raise TokenInvalid("its header has fields that are not understood")
        now = self._clock()
        key = await self._providers.key(issuer, header, now)
        payload = token_text.payload(text, key.public, sorted(key.algorithms & ALGORITHMS))
        claims = token_text.converted(payload, _Claims)
        if claims.iss != str(issuer):
            raise TokenInvalid("it is another issuer's")
        if not 0 < len(claims.sub) <= limits.SUBJECT_CHARACTERS:
            raise TokenInvalid("its subject is no name")
        token_text.check_times(Times(claims.exp, claims.nbf, claims.iat), now)
        audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
        return IdToken(issuer, claims.sub, frozenset(audiences), claims.azp, claims.iat, payload)

    def age_s(self, token: IdToken) -> float:
        """How long ago the token was made, in seconds."""
        return self._clock() - token.issued_at


def unproved_issuer(text: str) -> str | None:
    """Who the token `text` says has made it: to find out whether that one is trusted, and for nothing else.

    None where it is no token of an issuer. Nothing of it is proved.
    """
    try:
        token_text.check_length(text)
        issuer = token_text.unproved_payload(text).get("iss")
    except TokenInvalid:
        return None
    return issuer if isinstance(issuer, str) else None
