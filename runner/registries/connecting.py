"""Connections to registries: secured wherever that is asked for, with what docker has kept of logins."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.request import getproxies, proxy_bypass

from registry_client.client import RegistryClient
from registry_client.credentials import CredentialProvider
from registry_client.docker_credentials import DockerCredentials, config_file, server_of
from registry_client.lean_aiohttp import aiohttp
from registry_client.origin import Origin
from registry_client.settings import Settings
from runner.registries import certificates
from runner.registries.endpoints import Endpoint

_PROBE = aiohttp.ClientTimeout(total=10)
_SETTINGS = Settings(user_agent="moorage-runner")


@asynccontextmanager
async def connected(
    endpoint: Endpoint,
    credentials: CredentialProvider | None = None,
    *,
    credentials_file: Path | None = None,
    certificate_folders: tuple[Path, ...] = certificates.FOLDERS,
    settings: Settings = _SETTINGS,
) -> AsyncIterator[RegistryClient]:
    """A client of the endpoint's registry, for the duration of the block.

    It shows `credentials`, or else what docker has kept in `credentials_file` (None: in its usual place). An insecure
    registry is spoken to by HTTPS if it can, whoever vouches for it, and by plain HTTP otherwise.

    Raises:
        ConfigurationInvalid: the certificates of this machine cannot be used.
    """
    secured = Origin.parse(f"https://{endpoint.address}")
    context = certificates.context(endpoint.host, verify=not endpoint.insecure, folders=certificate_folders)
    async with _session(secured, context) as session:
        origin = secured
        if endpoint.insecure and not await _answers(session, secured):
            origin = Origin.parse(f"http://{endpoint.address}")
        kept = DockerCredentials(server_of(endpoint.host), origin, credentials_file or config_file())
        yield RegistryClient(session, origin, credentials or kept, settings)


def _session(origin: Origin, context: ssl.SSLContext) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(ssl=context)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), proxy=_proxy(origin))


def _proxy(origin: Origin) -> str | None:
    """The proxy that the environment names (`HTTPS_PROXY`, `NO_PROXY`)."""
    proxy = getproxies().get(origin.scheme)
    return None if not proxy or proxy_bypass(origin.host) else proxy


async def _answers(session: aiohttp.ClientSession, origin: Origin) -> bool:
    with suppress(aiohttp.ClientError, TimeoutError):
        async with session.get(origin.url("/v2/"), allow_redirects=False, timeout=_PROBE):
            return True
    return False
