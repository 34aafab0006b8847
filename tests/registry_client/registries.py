"""Clients of a running registry, straight and by way of the proxy, for the contract's subclasses."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from registry_client.client import RegistryClient
from registry_client.credentials import Anonymous, Credentials, KnownCredentials
from registry_client.origin import Origin
from registry_client.settings import Settings
from tests.contracts.registry_client import RegistryClientContract
from tests.registry_client.faults import Proxy, proxied


def client_of(
    session: aiohttp.ClientSession, port: int, settings: Settings, credentials: Credentials | None = None
) -> RegistryClient:
    """A client of the registry on a port of the loopback interface."""
    origin = Origin("http", "127.0.0.1", port)
    return RegistryClient(session, origin, KnownCredentials({origin: credentials or Anonymous()}), settings)


class RunningRegistryContract(RegistryClientContract):
    """The contract, at the registry whose port the fixture `port` gives."""

    @pytest.fixture
    def credentials(self) -> Credentials:
        return Anonymous()

    @pytest.fixture
    def client(
        self, session: aiohttp.ClientSession, port: int, quick: Settings, credentials: Credentials
    ) -> RegistryClient:
        return client_of(session, port, quick, credentials)

    @pytest.fixture
    async def proxy(self, port: int) -> AsyncIterator[Proxy]:
        async with proxied(port) as proxy:
            yield proxy

    @pytest.fixture
    def shaky(
        self, session: aiohttp.ClientSession, proxy: Proxy, quick: Settings, credentials: Credentials
    ) -> RegistryClient:
        return client_of(session, proxy.port, quick, credentials)
