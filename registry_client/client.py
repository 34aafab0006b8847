"""A registry, spoken to by way of the caller's HTTP session."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from oci_spec.reference import RepositoryName
from registry_client import lists
from registry_client.credentials import CredentialProvider, KnownCredentials
from registry_client.lean_aiohttp import aiohttp
from registry_client.origin import Origin
from registry_client.repository import Repository
from registry_client.settings import Settings
from registry_client.transport import Request, Transport


class RegistryClient:
    """The registry at `origin`.

    The caller makes the session and closes it, and its connector decides which addresses may be reached. It should have
    a `DummyCookieJar` and no authorization of its own: both would follow requests to other origins. Tokens are kept for
    as long as the client lives, so one client is best used for all that is done at a registry with the same
    credentials.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        origin: Origin,
        credentials: CredentialProvider | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._transport = Transport(session, origin, credentials or KnownCredentials(), settings or Settings())

    def repository(self, name: RepositoryName) -> Repository:
        """One of its repositories, whether it exists or not."""
        return Repository(self._transport, name)

    def repositories(self) -> AsyncGenerator[RepositoryName]:
        """All repositories that it lists (see `lists`)."""
        return lists.repositories(self._transport)

    async def ping(self) -> None:
        """See that there is a registry, and that it accepts the credentials, as a login does.

        Raises:
            Unauthorized: it does not accept them.
            NotFound: there is something else (distribution-spec, "Determining Support").
        """
        await self._transport.fetch(Request("GET", self._transport.origin.url("/v2/")), {200})
