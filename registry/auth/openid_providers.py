"""What OpenID providers say about themselves: where they are asked, and the keys that they sign with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

import msgspec

from registry import limits
from registry.auth.kept_keys import KeptKeys
from registry.auth.trusted_keys import TrustedKey, TrustedKeys
from registry.config.issuer import IssuerUrl
from registry.egress.contract import Egress, Question
from registry.errors import OutgoingAnswerInvalid


class ProviderDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider tells about itself, as far as it is made use of (OpenID Connect Discovery, section 3)."""

    issuer: str
    jwks_uri: str
    token_endpoint: str = ""
    # RFC 8628, section 4.
    device_authorization_endpoint: str = ""


class OpenIdProviders:
    """Asks providers by `egress`, and keeps their keys; belongs to one event loop, and is closed by whoever made it.

    Whom to trust is for the caller to know: whoever is named is asked.
    """

    def __init__(self, egress: Egress, clock: Callable[[], float] = time.monotonic) -> None:
        """Count seconds by `clock`."""
        self._egress = egress
        self._clock = clock
        self._kept: dict[str, KeptKeys] = {}

    async def key(self, issuer: IssuerUrl, header: Mapping[str, Any], now: float) -> TrustedKey:
        """The key of the provider that a token's header names, valid at `now` (seconds since 1970).

        Raises:
            TokenInvalid: the provider has no such key.
            TrustedKeysUnavailable: it cannot be asked for its keys.
        """
        if str(issuer) not in self._kept and len(self._kept) >= limits.OPENID_PROVIDERS:
            # The one that came first; where so many are trusted, it is asked again.
            await self._kept.pop(next(iter(self._kept))).close()
        kept = self._kept.get(str(issuer)) or self._kept.setdefault(str(issuer), self._keeping(issuer))
        return await kept.find(header, now)

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

    async def close(self) -> None:
        """Give up asking."""
        for kept in self._kept.values():
            await kept.close()

    def _keeping(self, issuer: IssuerUrl) -> KeptKeys:
        parse = partial(TrustedKeys.of_key_set_text, place=f"those of {issuer}")
        return KeptKeys(lambda: self._key_set(issuer), parse, fresh_s=limits.TRUSTED_KEYS_FRESH_S, clock=self._clock)

    async def _key_set(self, issuer: IssuerUrl) -> bytes:
        place = (await self.document(issuer)).jwks_uri
        if str(issuer).startswith("https:") and not place.startswith("https:"):
            raise OutgoingAnswerInvalid(f"the keys of {issuer} are at a place that is not secured")
        return await self._body(place)

    async def _body(self, url: str) -> bytes:
        answer = await self._egress.ask(Question(url=url, headers={"Accept": "application/json"}))
        if answer.status != HTTPStatus.OK:
            raise OutgoingAnswerInvalid(f"{url.partition('?')[0]} answers {answer.status}")
        return answer.body
