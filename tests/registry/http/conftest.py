"""The assembled application on real stores, behind the registry's own connections, as `registry serve` runs it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from registry.app.authentication import open_authentication
from registry.auth.account_name import AccountName
from registry.auth.rules import RulesPolicy
from registry.auth.subject import OPERATOR
from registry.config import Config
from registry.config.schema import Auth, Limits
from registry.http.application import HANDLERS, build_application
from registry.http.call import Environment
from registry.observability.access_log import AccessLog
from registry.observability.metrics import Metrics
from registry.services import accounts
from registry.services.context import Services
from tests.registry.assembly import open_services
from tests.registry.http.logging_in import ALICE, PASSWORD, ROOT
from tests.registry.http.loop_time import LoopTime
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
def transfers() -> Iterator[ThreadPoolExecutor]:
    """The threads that send files: two, so that a test can have more clients than threads."""
    with ThreadPoolExecutor(2) as threads:
        yield threads


@pytest.fixture
def log(access_log: Path) -> Iterator[AccessLog]:
    with access_log.open("ab") as file, closing(AccessLog(file.fileno(), "json")) as log:
        yield log


@pytest.fixture
async def loop_time(monkeypatch: pytest.MonkeyPatch) -> LoopTime:
    """The time of the loop that the test, its client and its server share; it stands still by itself."""
    loop = asyncio.get_running_loop()
    time = LoopTime(loop.time())
    monkeypatch.setattr(loop, "time", time)
    return time


# The client comes last, so that it is closed before what its server works with.
@pytest.fixture
def serve(
    http_services: Services, transfers: ThreadPoolExecutor, log: AccessLog, aiohttp_client: AiohttpClient
) -> Serve:
    """Serves the application to a client, with other bounds, tables of the configuration or parts than the usual."""

    async def start(
        *,
        services: Services | None = None,
        tls: ssl.SSLContext | None = None,
        tables: Mapping[str, Any] | None = None,
        parts: Mapping[str, Any] | None = None,
        **bounds: float,
    ) -> Client:
        config = Config(limits=Limits(**bounds), **(tables or {}))  # type: ignore[arg-type]
        metrics = Metrics(1, handlers=HANDLERS)
        environment = Environment(
            services=services or http_services,
            config=config,
            metrics=metrics,
            transfers=transfers,
            **(parts or {}),
        )
        application = build_application(environment, log)
        server = RegistryServer(application, config.limits)
        await server.start_server(ssl=tls)
        return Client(await aiohttp_client(server), application, environment)

    return start


@pytest.fixture
async def client(serve: Serve) -> Client:
    """A client of the application with all its defaults."""
    return await serve()


@pytest.fixture
async def guarded_services(storage_root: Path, sqlite_url: str) -> AsyncIterator[Services]:
    """The services of a registry that asks everybody who they are."""
    async with open_services(storage_root, sqlite_url) as services:
        for name in (ALICE, ROOT):
            await accounts.add(services, OPERATOR, AccountName(name), PASSWORD, is_admin=name == ROOT)
        services.policy = RulesPolicy(services.database, anonymous_pull=True)
        yield services


@pytest.fixture
async def guarded(serve: Serve, guarded_services: Services) -> AsyncIterator[Client]:
    """A client of the application over `guarded_services`."""
    config = Config(auth=Auth(mode="token"))
    async with open_authentication(lambda: config, guarded_services) as (authentication, server):
        yield await serve(
            services=guarded_services,
            tables={"auth": config.auth},
            parts={"authentication": authentication, "token_server": server},
        )
