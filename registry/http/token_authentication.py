"""`auth.mode = "token"`: clients bring a token of ours, or a name with a password or a credential."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from registry.auth.bearers import Bearers
from registry.auth.rules import RulesPolicy
from registry.auth.secret_text import kind_of
from registry.auth.subject import ANONYMOUS, Subject
from registry.config import Config
from registry.http.arrival import arrival
from registry.http.at_once import TakesTime
from registry.http.bearer_challenge import BearerChallenge
from registry.http.credentials import Basic, read_authorization
from registry.http.login_origin import login_origin
from registry.services.logins import IN_PLACE_OF_PASSWORDS, From
from registry.services.token_server import TokenServer


class TokenAuthentication(BearerChallenge):
    """Proves who asks by our own tokens, passwords and credentials, and challenges those who bring none."""

    def __init__(
        self, server: TokenServer, bearers: Bearers, policy: RulesPolicy, config: Callable[[], Config]
    ) -> None:
        """Ask `server` and `bearers` who is asking; `config` gives the configuration in force."""
        super().__init__(policy)
        self._server = server
        self._bearers = bearers
        self._config = config

    async def authenticate(self, request: web.Request, *, at_once: bool, forgiven_s: float = 0) -> Subject:
        """See `Authentication.authenticate`."""
        header = request.headers.get("Authorization")
        if header is None:
            return ANONYMOUS
        if not forgiven_s and (known := self._bearers.certain(header)) is not None:
            return known
        credentials = read_authorization(header)
        if credentials is None:
            return ANONYMOUS
        if isinstance(credentials, Basic):
            if at_once:
                # What would be given up halfway is a hash that takes a while, and is counted as an attempt.
                raise TakesTime
            return await self._server.logins.by_name(credentials.name, credentials.password, self._origin(request))
        if kind_of(credentials.token) is not None:
            return await self._server.logins.by_secret(credentials.token, self._origin(request), IN_PLACE_OF_PASSWORDS)
        if forgiven_s:
            return await self._bearers.lapsed(credentials.token, forgiven_s)
        return await self._bearers.subject(header, credentials.token)

    def proves_the_same_again(self, request: web.Request) -> bool:
        """Nobody and our own tokens do; of passwords and credentials it is noted when they were last used."""
        credentials = read_authorization(request.headers.get("Authorization"))
        return credentials is None or (not isinstance(credentials, Basic) and kind_of(credentials.token) is None)

    def realm(self, request: web.Request) -> str:
        """Our own `/token`, at the address that clients know us by."""
        config = self._config()
        if config.server.external_url is not None:
            return f"{config.server.external_url}/token"
        _, scheme, host = arrival(request, config.server.trusted_proxies)
        return f"{scheme}://{host or config.server.listen}/token"

    def service(self) -> str:
        """Ourselves."""
        return str(self._config().auth.service)

    def _origin(self, request: web.Request) -> From:
        return login_origin(request, self._config().server.trusted_proxies)
