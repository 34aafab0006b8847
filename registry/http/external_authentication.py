"""`auth.mode = "external"`: clients bring a token of another token server, and that alone."""

from __future__ import annotations

from typing import ClassVar

from aiohttp import web

from registry.auth.external import ExternalTokens
from registry.auth.rules import RulesPolicy
from registry.auth.subject import ANONYMOUS, Subject
from registry.errors import PasswordsElsewhere
from registry.http.bearer_challenge import BearerChallenge
from registry.http.credentials import Basic, read_authorization


class ExternalAuthentication(BearerChallenge):
    """Proves who asks by the tokens of another token server, at which clients are told to fetch them."""

    takes_passwords: ClassVar[bool] = False

    def __init__(self, tokens: ExternalTokens, policy: RulesPolicy, *, realm: str, service: str) -> None:
        """Have `tokens` verified; clients fetch them at the URL `realm`, for `service`."""
        super().__init__(policy)
        self._tokens = tokens
        self._realm, self._service = realm, service

    async def authenticate(self, request: web.Request, *, at_once: bool, forgiven_s: float = 0) -> Subject:
        """See `Authentication.authenticate`; no end is forgiven: it is all by which that server takes a right back."""
        credentials = read_authorization(request.headers.get("Authorization"))
        if credentials is None:
            return ANONYMOUS
        if isinstance(credentials, Basic):
            raise PasswordsElsewhere(self._realm)
        return (await self._tokens.verify(credentials.token)).subject

    def proves_the_same_again(self, request: web.Request) -> bool:
        """Nobody does; whom a token is trusted for depends on keys that are not in the database."""
        return read_authorization(request.headers.get("Authorization")) is None

    def realm(self, request: web.Request) -> str:
        """The other token server."""
        return self._realm

    def service(self) -> str:
        """What the other token server calls us."""
        return self._service
