"""`auth.mode = "token"`: clients bring a token of ours, or a name with a password or a credential."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aiohttp import web

from oci_spec.errors import OciSpecError
from oci_spec.reference import RepositoryName
from registry.auth import challenge
from registry.auth.challenge import TokenError
from registry.auth.permission import OF_REPOSITORIES, Permission
from registry.auth.rules import RulesPolicy
from registry.auth.secret_text import kind_of
from registry.auth.subject import ANONYMOUS, BEARER, Subject
from registry.auth.token_scope import TokenScope
from registry.config import Config
from registry.errors import Denied, LoginFailed, RegistryError, RepositoryUnknown, Unauthorized
from registry.http.arrival import arrival
from registry.http.at_once import TakesTime
from registry.http.credentials import Basic, read_authorization
from registry.http.login_origin import login_origin
from registry.services.logins import IN_PLACE_OF_PASSWORDS, From
from registry.services.token_server import TokenServer

_DISTRIBUTION: Final = "/v2"
_REALM: Final = "registry"
_IMPLIED: Final = {Permission.PUSH: (Permission.PULL, Permission.PUSH)}


class TokenAuthentication:
    """Proves who asks by our own tokens, passwords and credentials, and challenges those who bring none."""

    def __init__(self, server: TokenServer, policy: RulesPolicy, config: Callable[[], Config]) -> None:
        """Ask `server` who is asking; `config` gives the configuration in force."""
        self._server = server
        self._policy = policy
        self._config = config

    async def authenticate(self, request: web.Request, *, at_once: bool, forgiven_s: float = 0) -> Subject:
        """See `Authentication.authenticate`."""
        credentials = read_authorization(request.headers.get("Authorization"))
        if credentials is None:
            return ANONYMOUS
        if isinstance(credentials, Basic):
            if at_once:
                # What would be given up halfway is a hash that takes a while, and is counted as an attempt.
                raise TakesTime
            return await self._server.logins.by_name(credentials.name, credentials.password, self._origin(request))
        if kind_of(credentials.token) is not None:
            return await self._server.logins.by_secret(credentials.token, self._origin(request), IN_PLACE_OF_PASSWORDS)
        tokens, text = self._server.tokens, credentials.token
        subject = (await (tokens.verify_lapsed(text, forgiven_s) if forgiven_s else tokens.verify(text))).subject
        if not await self._policy.is_live(subject):
            raise LoginFailed
        return subject

    def challenge(
        self,
        request: web.Request,
        permission: Permission,
        repository: RepositoryName | None,
        error: TokenError | None = None,
    ) -> str:
        """See `Authentication.challenge`."""
        if not _is_distribution(request):
            return f'Basic realm="{_REALM}"'
        scopes = _scopes(request, permission, repository)
        return challenge.bearer(self._token_url(request), str(self._config().auth.service), scopes, error)

    async def refusal(
        self, request: web.Request, subject: Subject, permission: Permission, repository: RepositoryName | None
    ) -> RegistryError:
        """See `Authentication.refusal`."""
        proof = subject.proof
        if _is_distribution(request):
            # Clients fetch a token that reaches further after a 401 only; who brought a password has no further to go.
            if proof is not None and proof.kind != BEARER:
                return Denied()
            return Unauthorized(
                self.challenge(request, permission, repository, TokenError.INSUFFICIENT if proof is not None else None)
            )
        if proof is None:
            return Unauthorized(self.challenge(request, permission, repository))
        if repository is not None and not await self._policy.allows(subject, Permission.PULL, repository):
            return RepositoryUnknown(repository)
        return Denied()

    def _origin(self, request: web.Request) -> From:
        return login_origin(request, self._config().server.trusted_proxies)

    def _token_url(self, request: web.Request) -> str:
        """Where tokens are to be had: an absolute URL, as clients insist, at the address that they know us by."""
        config = self._config()
        if config.server.external_url is not None:
            return f"{config.server.external_url}/token"
        _, scheme, host = arrival(request, config.server.trusted_proxies)
        return f"{scheme}://{host or config.server.listen}/token"


def _is_distribution(request: web.Request) -> bool:
    return request.path == _DISTRIBUTION or request.path.startswith(f"{_DISTRIBUTION}/")


def _scopes(request: web.Request, permission: Permission, repository: RepositoryName | None) -> list[TokenScope]:
    """What a token has to grant for this request."""
    if permission is Permission.CATALOG:
        return [TokenScope(None, frozenset({"*"}))]
    if repository is None or permission not in OF_REPOSITORIES:
        return []
    scopes = [TokenScope.of(repository, _IMPLIED.get(permission, (permission,)))]
    source = request.query.get("from")
    if source and "mount" in request.query:
        # One that is none is the upload's to refuse.
        with suppress(OciSpecError):
            scopes.append(TokenScope.of(RepositoryName.parse(source), [Permission.PULL]))
    return scopes
