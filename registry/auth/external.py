"""Tokens of a token server that is not ours, as distribution's registry takes them ("Token Authentication").

Whoever brings one has no account here: what the token grants is all that they may do. That holds for a token that names
nobody, too, as token servers make them for clients without credentials: they have decided what everybody may do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Final
from urllib.parse import quote

import msgspec

from registry import limits
from registry.auth import token_text
from registry.auth.kept_keys import KeptKeys
from registry.auth.subject import ANONYMOUS, EXTERNAL, Proof, Subject, SubjectKind
from registry.auth.token_text import AccessEntry, Times
from registry.auth.tokens import Verified
from registry.auth.trusted_keys import ALGORITHMS, TrustedKeys
from registry.auth.verified_tokens import VerifiedTokens
from registry.errors import TokenInvalid

_TYPE: Final = "JWT"
# The thumbprints only repeat what else the header says. A key that the token brings is not asked for its opinion.
_HEADERS: Final = frozenset({"alg", "kid", "typ", "x5c", "x5t", "x5t#S256"})
_SAFE_IN_NAMES: Final = "@.+_-:/|=~"


class _Claims(msgspec.Struct, frozen=True, kw_only=True):
    iss: str
    aud: str | list[str]
    exp: int
    nbf: int
    iat: int
    sub: str = ""
    jti: str = ""
    # Servers written in Go say null for an empty list.
    access: list[AccessEntry] | None = None


class ExternalTokens:
    """Verifies the tokens that `issuer` makes for `service`."""

    def __init__(
        self,
        keys: KeptKeys,
        *,
        issuer: str,
        service: str,
        algorithms: Iterable[str] = ALGORITHMS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Trust what `keys` signed by one of `algorithms`; those that are none of `ALGORITHMS` are left out."""
        self._keys = keys
        self._issuer = issuer
        self._service = service
        self._algorithms = ALGORITHMS & frozenset(algorithms)
        self._clock = clock
        self._verified: VerifiedTokens[tuple[Verified, TrustedKeys]] = VerifiedTokens(limits.VERIFIED_TOKENS)

    async def verify(self, text: str) -> Verified:
        """What the token `text` proves: a user without an account, or nobody where it names none.

        Raises:
            TokenInvalid: it is not of this issuer, not for this service, not valid yet, or no token at all.
            TokenExpired: only its time is over.
            TrustedKeysUnavailable: the keys of its issuer could not be read.
        """
        token_text.check_length(text)
        digest = sha256(text.encode()).digest()
        now = self._clock()
        keys = await self._keys.current()
        known = self._verified.get(digest, now)
        # What was remembered falls when the keys are others.
        if known is not None and known[1] is keys:
            return known[0]
        verified, until = await self._examine(text, now)
        self._verified.put(digest, (verified, keys), until)
        return verified

    async def _examine(self, text: str, now: float) -> tuple[Verified, float]:
        header = token_text.header(text)
        if header.keys() - _HEADERS or header.get("typ", _TYPE) != _TYPE:
            raise TokenInvalid("its header has fields that are not understood")
        key = await self._keys.find(header, now)
        payload = token_text.payload(text, key.public, sorted(key.algorithms & self._algorithms))
        claims = token_text.converted(payload, _Claims)
        audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
        if claims.iss != self._issuer or self._service not in audiences:
            raise TokenInvalid("it is another issuer's or for another service")
        token_text.check_times(Times(claims.exp, claims.nbf, claims.iat), now)
        until = float(claims.exp + limits.TOKEN_SKEW_S)
        # A certificate may end before the tokens that it proves.
        if key.until is not None:
            until = min(until, key.until.timestamp())
        return Verified(_subject(claims), claims.jti, "", claims.exp), until


def _subject(claims: _Claims) -> Subject:
    proof = Proof(EXTERNAL, 0, granted=token_text.granted(claims.access or []))
    if not claims.sub:
        return Subject(ANONYMOUS.kind, proof=proof)
    # One name for each subject, for uploads belong to it; and plain, for it stands in logs and in histories.
    name = quote(claims.sub, safe=_SAFE_IN_NAMES, errors="surrogatepass")
    if len(name) > limits.SUBJECT_CHARACTERS:
        raise TokenInvalid("its subject is longer than any name")
    return Subject(SubjectKind.USER, name, proof=proof)
