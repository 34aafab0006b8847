"""Who sends a request, and what they are told when that does not suffice."""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from oci_spec.reference import RepositoryName
from registry.auth.challenge import TokenError
from registry.auth.permission import Permission
from registry.auth.subject import ANONYMOUS, Subject
from registry.errors import Denied, RegistryError


class Authentication(Protocol):
    """How clients prove who they are."""

    async def authenticate(self, request: web.Request, *, at_once: bool, forgiven_s: float = 0) -> Subject:
        """The subject that a request's credentials prove; `at_once` where that must not keep others waiting.

        A bearer token of ours may have expired less than `forgiven_s` ago; whoever gives that has another proof.

        Raises:
            Unauthorized: the credentials prove nothing (any more).
            TokenExpired: a bearer token's time is over, and nothing else is wrong with it.
            TooManyRequests: too many proofs have failed; it may be tried later.
            TakesTime: it cannot be told at once.
            DatabaseUnavailable, DatabaseBusy: it could not be found out.
        """
        ...

    def proves_the_same_again(self, request: web.Request) -> bool:
        """Whether a request with these credentials would within this second again have the same subject.

        Unless the database changes meanwhile; and nobody has to be told that they were used again.
        """
        ...

    def challenge(
        self,
        request: web.Request,
        permission: Permission,
        repository: RepositoryName | None,
        error: TokenError | None = None,
    ) -> str:
        """The `WWW-Authenticate` of an answer to who has to log in; empty where that would change nothing."""
        ...

    async def refusal(
        self, request: web.Request, subject: Subject, permission: Permission, repository: RepositoryName | None
    ) -> RegistryError:
        """What `subject`, who lacks `permission`, is told: to log in, that it is not there, or that they may not."""
        ...


class OpenAuthentication:
    """`auth.mode = "none"`: nobody is asked who they are, and what they say about it is not looked at."""

    async def authenticate(self, request: web.Request, *, at_once: bool, forgiven_s: float = 0) -> Subject:
        """Everybody is anonymous."""
        return ANONYMOUS

    def proves_the_same_again(self, request: web.Request) -> bool:
        """Everybody is."""
        return True

    def challenge(
        self,
        request: web.Request,
        permission: Permission,
        repository: RepositoryName | None,
        error: TokenError | None = None,
    ) -> str:
        """Nobody has to log in."""
        return ""

    async def refusal(
        self, request: web.Request, subject: Subject, permission: Permission, repository: RepositoryName | None
    ) -> RegistryError:
        """To log in would change nothing."""
        return Denied()
