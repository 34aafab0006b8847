"""The assembled application on real stores, behind the registry's own connections, as `registry serve` runs it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from registry.config import Config
from registry.config.schema import Limits
from registry.http.application import HANDLERS, build_application
from registry.http.call import Environment
from registry.observability.access_log import AccessLog
from registry.observability.metrics import Metrics
from registry.services.context import Services
from tests.registry.assembly import open_services
from tests.registry.http.serving import Client, RegistryServer, Serve


@pytest.fixture
async def http_services(storage_root: Path, sqlite_url: str) -> AsyncIterator[Services]:
    """The services behind the application, for what a test wants to be there before its request."""
    async with open_services(storage_root, sqlite_url) as services:
        yield services


@pytest.fixture
def access_log(tmp_path: Path) -> Path:
    """Where the requests of the test are logged, a JSON line each, once the client is closed."""
    return tmp_path / "access.log"


@pytest.fixture
async def serve(http_services: Services, access_log: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[Serve]:
    """Serves the application, with the given bounds and other tables of the configuration, to a client."""
    with ExitStack() as stack:
        file = stack.enter_context(access_log.open("ab"))
        log = stack.enter_context(closing(AccessLog(file.fileno(), "json")))
        transfers = stack.enter_context(ThreadPoolExecutor(2))

        async def start(
            *,
            services: Services | None = None,
            tls: ssl.SSLContext | None = None,
            tables: Mapping[str, Any] | None = None,
            **bounds: float,
        ) -> Client:
            config = Config(limits=Limits(**bounds), **(tables or {}))  # type: ignore[arg-type]
            metrics = Metrics(1, handlers=HANDLERS)
            environment = Environment(
                services=services or http_services, config=config, metrics=metrics, transfers=transfers
            )
            application = build_application(environment, log)
            server = RegistryServer(application, config.limits)
            await server.start_server(ssl=tls)
            return Client(await aiohttp_client(server), application, environment)

        yield start


@pytest.fixture
async def client(serve: Serve) -> Client:
    """A client of the application with all its defaults."""
    return await serve()
