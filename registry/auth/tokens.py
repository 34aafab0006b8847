"""The registry's own bearer tokens: JSON Web Tokens that it makes and that it takes.

What a token's header says decides nothing: a key is found by its id among our own, and its algorithm is the key's.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import jwt
import msgspec

from registry import limits
from registry.auth import token_text
from registry.auth.account_name import AccountName
from registry.auth.signing_keys import SigningKeys
from registry.auth.subject import ANONYMOUS, BEARER, Proof, Subject, SubjectKind
from registry.auth.token_scope import TokenScope
from registry.auth.token_text import AccessEntry, Times
from registry.auth.verified_tokens import VerifiedTokens
from registry.errors import AccountNameInvalid, TokenInvalid

_TYPE: Final = "JWT"
_HEADERS: Final = frozenset({"alg", "kid", "typ"})
# A verifier whose clock is a little slow must not find the token in its future.
_NOT_BEFORE_S: Final = 10
_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token as clients get it."""

    text: str
    issued_at: datetime
    lifetime_s: int


@dataclass(frozen=True, slots=True)
class Verified:
    """What a token proves: who asks, with a proof `bearer`, and by what kind of proof (`origin`) they got the token."""

    subject: Subject
    token_id: str
    origin: str
    expires_at: int


class _Claims(msgspec.Struct, frozen=True, kw_only=True):
    iss: str
    sub: str
    aud: str
    exp: int
    nbf: int
    iat: int
    jti: str
    access: list[AccessEntry]
    acc: int | None = None
    gen: int = 0
    crd: int | None = None
    prf: str = ""


class Tokens:
    """Issues tokens of `issuer` for `service`, and verifies them."""

    def __init__(
        self,
        keys: SigningKeys,
        *,
        issuer: str,
        service: str,
        lifetime_s: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Sign with `keys`; tokens live for `lifetime_s` from `clock()` on."""
        self._keys = keys
        self._issuer = issuer
        self._service = service
        self._lifetime_s = lifetime_s
        self._clock = clock
        self._verified: VerifiedTokens[tuple[Verified, str]] = VerifiedTokens(limits.VERIFIED_TOKENS)

    @property
    def certain_until(self) -> float:
        """Until when the keys are known that verify: who has verified a token has to do so again then."""
        return self._keys.fresh_until

    async def issue(self, subject: Subject, scopes: Iterable[TokenScope]) -> Issued:
        """A token by which `subject` may do what `scopes` say, as far as they still may when they use it.

        Raises:
            SigningKeysUnreadable: there is no key to sign with.
        """
        key = await self._keys.signing()
        now = int(self._clock())
        proof = subject.proof or Proof("", 0)
        claims = {
            "iss": self._issuer,
            "sub": subject.name,
            "aud": self._service,
            "exp": now + self._lifetime_s,
            "nbf": now - _NOT_BEFORE_S,
            "iat": now,
            "jti": secrets.token_urlsafe(_ID_BYTES),
            "access": [_entry(scope) for scope in scopes if scope.actions],
            "acc": subject.account_id,
            "gen": proof.generation,
            "crd": proof.credential_id,
            "prf": proof.kind,
        }
        text = jwt.encode(
            {name: value for name, value in claims.items() if value is not None},
            key.private,
            algorithm=key.algorithm,
            headers={"kid": key.key_id, "typ": _TYPE},
        )
        return Issued(text, datetime.fromtimestamp(now, UTC), self._lifetime_s)

    async def verify(self, text: str) -> Verified:
        """What the token `text` proves.

        Raises:
            TokenInvalid: it is not one of ours, not for this service, not valid yet, or no token at all.
            TokenExpired: only its time is over.
        """
        token_text.check_length(text)
        digest = sha256(text.encode("utf-8", "surrogatepass")).digest()
        now = self._clock()
        known = self._verified.get(digest, now)
        # What was remembered falls with its key.
        if known is not None and await self._keys.verifying(known[1]) is not None:
            return known[0]
        verified, key_id = await self._examine(text, 0)
        self._verified.put(digest, (verified, key_id), verified.expires_at + limits.TOKEN_SKEW_S)
        return verified

    async def verify_lapsed(self, text: str, forgiven_s: float) -> Verified:
        """What the token `text` proves if its time is over for less than `forgiven_s`; all else is as `verify` has it.

        Whoever asks must have another proof beside it. It is verified anew each time.

        Raises:
            TokenInvalid, TokenExpired: as `verify`.
        """
        token_text.check_length(text)
        return (await self._examine(text, forgiven_s))[0]

    async def _examine(self, text: str, forgiven_s: float) -> tuple[Verified, str]:
        header = token_text.header(text)
        if header.keys() - _HEADERS or header.get("typ", _TYPE) != _TYPE:
            raise TokenInvalid("its header has fields that our tokens do not have")
        key_id = header.get("kid")
        key = await self._keys.verifying(key_id) if isinstance(key_id, str) else None
        if key is None:
            raise TokenInvalid("its key is none of ours")
        payload = token_text.payload(text, key.private.public_key(), [key.algorithm])
        claims = token_text.converted(payload, _Claims)
        if claims.iss != self._issuer or claims.aud != self._service:
            raise TokenInvalid("it is another issuer's or for another service")
        token_text.check_times(Times(claims.exp, claims.nbf, claims.iat), self._clock(), forgiven_s)
        return Verified(_subject(claims), claims.jti, claims.prf, claims.exp), key.key_id


def _entry(scope: TokenScope) -> dict[str, object]:
    kind, _, name = scope.resource.partition(":")
    return {"type": kind, "name": name, "actions": sorted(scope.actions)}


def _subject(claims: _Claims) -> Subject:
    proof = Proof(BEARER, claims.gen, claims.crd, token_text.granted(claims.access))
    if not claims.sub:
        return Subject(ANONYMOUS.kind, proof=proof)
    try:
        name = AccountName.parse(claims.sub)
    except AccountNameInvalid:
        raise TokenInvalid("its subject is no account's name") from None
    if claims.acc is None:
        raise TokenInvalid("its subject has no account")
    kind = SubjectKind.ROBOT if name.is_robot else SubjectKind.USER
    return Subject(kind, str(name), claims.acc, proof)
