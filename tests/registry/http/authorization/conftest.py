"""The application with accounts in force, on one database, and the accounts of `callers` where a test asks for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from registry.app.authentication import open_authentication
from registry.auth.rules import RulesPolicy
from registry.config import Config
from registry.config.schema import Auth
from registry.services.context import Services
from tests.registry.assembly import open_services
from tests.registry.http.authorization.callers import Secrets, make_world
from tests.registry.http.serving import Client, Serve

CONFIG = Config(auth=Auth(mode="token"))


@pytest.fixture
async def services(storage_root: Path, sqlite_url: str) -> AsyncIterator[Services]:
    async with open_services(storage_root, sqlite_url) as opened:
        opened.policy = RulesPolicy(opened.database, anonymous_pull=True)
        yield opened


@pytest.fixture
async def client(serve: Serve, services: Services) -> AsyncIterator[Client]:
    async with open_authentication(lambda: CONFIG, services) as (authentication, server):
        yield await serve(
            services=services,
            tables={"auth": CONFIG.auth},
            parts={"authentication": authentication, "token_server": server},
        )


@pytest.fixture
async def secrets(services: Services) -> Secrets:
    """The secrets of everybody's credentials: their accounts and repositories are made."""
    return await make_world(services)
