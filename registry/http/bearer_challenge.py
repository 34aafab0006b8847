"""What those are told who have to bring a token, or one that reaches further."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from typing import ClassVar, Final

from aiohttp import web

from oci_spec.errors import OciSpecError
from oci_spec.reference import RepositoryName
from registry.auth import challenge
from registry.auth.challenge import TokenError
from registry.auth.permission import OF_REPOSITORIES, Permission
from registry.auth.rules import RulesPolicy
from registry.auth.subject import Subject
from registry.auth.token_scope import TokenScope
from registry.errors import Denied, RegistryError, RepositoryUnknown, Unauthorized

_DISTRIBUTION: Final = "/v2"
_REALM: Final = "registry"
_BASIC: Final = "basic "
_IMPLIED: Final = {Permission.PUSH: (Permission.PULL, Permission.PUSH)}


class BearerChallenge(ABC):
    """The half of an `Authentication` that refuses; `realm` and `service` are the other's to say."""

    takes_passwords: ClassVar[bool] = True
    """Whether the routes beside the distribution API ask for a name and a password."""

    def __init__(self, policy: RulesPolicy) -> None:
        """Ask `policy` what may be seen."""
        self._policy = policy

    @abstractmethod
    def realm(self, request: web.Request) -> str:
        """Where tokens are to be had: an absolute URL, as clients insist."""

    @abstractmethod
    def service(self) -> str:
        """For whom they have to be."""

    def challenge(
        self,
        request: web.Request,
        permission: Permission,
        repository: RepositoryName | None,
        error: TokenError | None = None,
    ) -> str:
        """See `Authentication.challenge`."""
        if self.takes_passwords and not _is_distribution(request):
            return f'Basic realm="{_REALM}"'
        scopes = _scopes(request, permission, repository)
        return challenge.bearer(self.realm(request), self.service(), scopes, error)

    async def refusal(
        self, request: web.Request, subject: Subject, permission: Permission, repository: RepositoryName | None
    ) -> RegistryError:
        """See `Authentication.refusal`."""
        proof = subject.proof
        if _is_distribution(request):
            # Clients fetch a token that reaches further after a 401 only; who brought a password has no further to go.
            if proof is not None and _is_basic(request):
                return Denied()
            return Unauthorized(
                self.challenge(request, permission, repository, TokenError.INSUFFICIENT if proof is not None else None)
            )
        if proof is None:
            return Unauthorized(self.challenge(request, permission, repository))
        if repository is not None and not await self._policy.allows(subject, Permission.PULL, repository):
            return RepositoryUnknown(repository)
        return Denied()


def _is_distribution(request: web.Request) -> bool:
    return request.path == _DISTRIBUTION or request.path.startswith(f"{_DISTRIBUTION}/")


def _is_basic(request: web.Request) -> bool:
    return request.headers.get("Authorization", "").lower().startswith(_BASIC)


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
