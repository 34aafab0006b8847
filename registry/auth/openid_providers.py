"""What OpenID providers say about themselves: where they are asked, and the keys that they sign with.

A provider is asked when one of its tokens is to be verified. What it said is kept for a while; a key that is not among
those that are known may be new, and is a reason to ask again, but not often: anybody can make tokens with unknown keys.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import msgspec

from registry import limits
from registry.auth.trusted_keys import TrustedKey, TrustedKeys
from registry.config.issuer import IssuerUrl
from registry.egress.contract import Egress, Question
from registry.errors import OutgoingAnswerInvalid, OutgoingFailed, TokenInvalid, TrustedKeysInvalid

_LONG_AGO: Final = float("-inf")


class ProviderDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider tells about itself, as far as it is made use of (OpenID Connect Discovery, section 3)."""

    issuer: str
    jwks_uri: str
    token_endpoint: str = ""
    # RFC 8628, section 4.
    device_authorization_endpoint: str = ""


class OpenIdProviders:
    """Asks providers by `egress`, and remembers. Whom to trust is for the caller to know: whoever is named is asked."""

    def __init__(self, egress: Egress, clock: Callable[[], float] = time.monotonic) -> None:
        """Count seconds by `clock`."""
        self._egress = egress
        self._clock = clock
        self._known: dict[str, _Known] = {}

    async def key(self, issuer: IssuerUrl, header: Mapping[str, Any], now: float) -> TrustedKey:
        """The key of the provider that a token's header names, which `now` (seconds since 1970) may be valid.

        Raises:
            TokenInvalid: the provider has no such key.
            OutgoingFailed: it cannot be asked for its keys.
        """
        known = self._remembered(issuer)
        if known.keys is not None and self._is_younger(known.read_at, limits.OPENID_KEYS_S):
            with suppress(TokenInvalid):
                return known.keys.find(header, now)
        async with known.lock:
            if not self._is_younger(known.asked_at, limits.OPENID_KEYS_AGAIN_S):
                known.asked_at = self._clock()
                await self._ask(issuer, known)
        if known.keys is None or not self._is_younger(known.read_at, limits.OPENID_KEYS_S):
            raise OutgoingFailed(known.failure)
        return known.keys.find(header, now)

    async def document(self, issuer: IssuerUrl) -> ProviderDocument:
        """What the provider tells about itself now.

        Raises:
            OutgoingFailed: it cannot be asked, or is another one.
        """
        content = await self._body(issuer.discovery_url)
        try:
            document = msgspec.json.decode(content, type=ProviderDocument)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise OutgoingAnswerInvalid(f"{issuer.discovery_url} is no document of an OpenID provider") from None
        # OpenID Connect Discovery, section 4.3: else one provider could speak for another.
        if document.issuer != str(issuer):
            raise OutgoingAnswerInvalid(f"{issuer.discovery_url} is the document of another OpenID provider")
        return document

    def _remembered(self, issuer: IssuerUrl) -> _Known:
        if str(issuer) not in self._known and len(self._known) >= limits.OPENID_PROVIDERS:
            # The one that came first: where so many are trusted, it is asked again.
            del self._known[next(iter(self._known))]
        return self._known.setdefault(str(issuer), _Known())

    def _is_younger(self, moment: float, age_s: float) -> bool:
        return self._clock() - moment < age_s

    async def _ask(self, issuer: IssuerUrl, known: _Known) -> None:
        try:
            known.keys = await self._keys(issuer)
        except OutgoingFailed as failure:
            # Told to whoever needs the keys until it is tried again.
            known.failure = failure.cause
        else:
            known.read_at = known.asked_at

    async def _keys(self, issuer: IssuerUrl) -> TrustedKeys:
        place = (await self.document(issuer)).jwks_uri
        if str(issuer).startswith("https:") and not place.startswith("https:"):
            raise OutgoingAnswerInvalid(f"the keys of {issuer} are at a place that is not secured")
        try:
            return TrustedKeys.of_key_set_text(await self._body(place), f"those of {issuer}")
        except TrustedKeysInvalid as error:
            raise OutgoingAnswerInvalid(str(error)) from error

    async def _body(self, url: str) -> bytes:
        answer = await self._egress.ask(Question(url=url, headers={"Accept": "application/json"}))
        if answer.status != HTTPStatus.OK:
            raise OutgoingAnswerInvalid(f"{url.partition('?')[0]} answers {answer.status}")
        return answer.body


@dataclass(slots=True)
class _Known:
    """The keys of a provider, when they were read and asked for, and why not; one asks at a time, and others wait."""

    keys: TrustedKeys | None = None
    read_at: float = _LONG_AGO
    asked_at: float = _LONG_AGO
    failure: str = ""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
