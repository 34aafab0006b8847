"""What to send as `Authorization` to one registry: remembered challenges, kept tokens, one dance at a time."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Generator, Iterable
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from registry_client import limits
from registry_client.challenge import Challenge, parse_challenges
from registry_client.credentials import CredentialProvider, IdentityToken, Password
from registry_client.origin import Origin
from registry_client.scopes import Scopes
from registry_client.settings import Settings
from registry_client.token_dance import Token, TokenAnswer, TokenRequest, dance, realm_of

Ask = Callable[[TokenRequest], Awaitable[TokenAnswer]]


class Authorizer:
    """The authorization of requests to `origin`, by the credentials that `provider` has for it and for no other.

    `ask` makes a token server's requests, and raises unless the answer is one that `TokenAnswer` takes.
    """

    def __init__(self, origin: Origin, provider: CredentialProvider, ask: Ask, settings: Settings) -> None:
        self._origin = origin
        self._provider = provider
        self._ask = ask
        self._settings = settings
        self._challenge: Challenge | None = None
        self._tokens = TokenCache()
        self._rotation = _Rotation()
        # One dance for each set of scopes: the layers of an image, asked for at once, need one token.
        self._dancing: WeakValueDictionary[Scopes, asyncio.Lock] = WeakValueDictionary()

    async def authorization(self, scopes: Scopes) -> str | None:
        """What to send with a first request; None as long as the registry has asked for nothing."""
        challenge = self._challenge
        if challenge is None:
            return None
        if challenge.scheme == "basic":
            return await self._basic()
        return await self._bearer(challenge, scopes, refused=None)

    async def answer(self, fields: Iterable[str], scopes: Scopes, sent: str | None) -> str | None:
        """What to send after a 401 with these `WWW-Authenticate` fields, where `sent` did not do; None: give up.

        Raises:
            RealmRefused: the challenge leads to where nothing is sent.
        """
        offered = {challenge.scheme: challenge for challenge in reversed(parse_challenges(fields))}
        if bearer := offered.get("bearer"):
            return await self._answer_bearer(bearer, scopes, sent)
        if basic := offered.get("basic"):
            self._challenge = basic
            answer = await self._basic()
            return None if answer == sent else answer
        return None

    async def _answer_bearer(self, challenge: Challenge, scopes: Scopes, sent: str | None) -> str | None:
        asked = scopes | Scopes.parse(challenge.parameters.get("scope", ""))
        granted = self._tokens.scopes_of(sent)
        if granted is not None and granted.covers(asked) and _is_insufficient(challenge):
            # The token server has said what it had to say about these scopes.
            return None
        self._challenge = challenge
        return await self._bearer(challenge, asked, refused=sent)

    async def _basic(self) -> str | None:
        credentials = await self._provider.credentials(self._origin)
        return credentials.basic() if isinstance(credentials, Password) else None

    async def _bearer(self, challenge: Challenge, scopes: Scopes, refused: str | None) -> str:
        """A kept token other than the `refused` one, or a new one."""
        lock = self._dancing.setdefault(scopes, asyncio.Lock())
        async with lock:
            self._tokens.drop(refused)
            kept = self._tokens.find(scopes)
            return kept if kept is not None else await self._dance(challenge, scopes)

    async def _dance(self, challenge: Challenge, scopes: Scopes) -> str:
        realm = realm_of(challenge, self._origin, plain_http=self._settings.plain_http_realms)
        service = challenge.parameters.get("service", "")
        given = await self._provider.credentials(self._origin)
        asked_at = time.monotonic()
        if isinstance(given, IdentityToken):
            async with self._rotation.lock:
                token = await self._led(dance(realm, service, scopes, self._rotation.current(given)))
                self._rotation.replace(given, token)
        else:
            token = await self._led(dance(realm, service, scopes, given))
        return self._tokens.keep(scopes, token, asked_at)

    async def _led(self, steps: Generator[TokenRequest, TokenAnswer, Token]) -> Token:
        try:
            request = next(steps)
            while True:
                request = steps.send(await self._ask(request))
        except StopIteration as end:
            token: Token = end.value
            return token


class _Rotation:
    """The identity token that took the place of a given one: a server may make void what it is shown, each time.

    So such a token is shown once at a time, under the `lock`.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self._given: IdentityToken | None = None
        self._current: IdentityToken | None = None

    def current(self, given: IdentityToken) -> IdentityToken:
        return self._current if self._current is not None and given == self._given else given

    def replace(self, given: IdentityToken, granted: Token) -> None:
        if granted.refresh is not None:
            self._given, self._current = given, IdentityToken(granted.refresh)


@dataclass(frozen=True, slots=True)
class _Kept:
    authorization: str = field(repr=False)
    good_until: float


class TokenCache:
    """The tokens of one registry, by the scopes that they were asked for; times are those of `time.monotonic`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Scopes, _Kept] = OrderedDict()

    def keep(self, scopes: Scopes, token: Token, asked_at: float) -> str:
        """Keep a token until shortly before its end; the `Authorization` that it makes."""
        kept = _Kept(f"Bearer {token.text}", asked_at + token.life_s * (1 - limits.TOKEN_MARGIN))
        self._kept[scopes] = kept
        self._kept.move_to_end(scopes)
        while len(self._kept) > limits.TOKENS:
            self._kept.popitem(last=False)
        return kept.authorization

    def find(self, scopes: Scopes) -> str | None:
        """The `Authorization` of a token that is good, and allows at least `scopes`."""
        now = time.monotonic()
        for held, kept in reversed(self._kept.items()):
            if kept.good_until > now and held.covers(scopes):
                self._kept.move_to_end(held)
                return kept.authorization
        return None

    def scopes_of(self, authorization: str | None) -> Scopes | None:
        """What a token was asked for, if it is kept."""
        return next((held for held, kept in self._kept.items() if kept.authorization == authorization), None)

    def drop(self, authorization: str | None) -> None:
        """Keep a token no longer."""
        held = self.scopes_of(authorization)
        if held is not None:
            del self._kept[held]


def _is_insufficient(challenge: Challenge) -> bool:
    return challenge.parameters.get("error") == "insufficient_scope"
