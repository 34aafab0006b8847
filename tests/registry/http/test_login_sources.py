"""Logging in over HTTP with a name and a password that a real LDAP directory knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from urllib.parse import urlencode

import jwt
import pytest

from registry.app.authentication import open_authentication
from registry.auth.account_name import AccountName
from registry.auth.rules import RulesPolicy
from registry.auth.scope import EVERYTHING
from registry.auth.subject import OPERATOR
from registry.config import Config, read
from registry.services import credentials
from registry.services.context import Services
from tests.certificates import Authority
from tests.directory import BASE, RunningDirectory, running_directory
from tests.registry.assembly import open_services
from tests.registry.http.logging_in import basic
from tests.registry.http.serving import Answer, Client, Serve

pytestmark = pytest.mark.tool("slapd")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made_in(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def directory(tmp_path: Path, authority: Authority) -> AbstractContextManager[RunningDirectory]:
    """The directory, which the test may end."""
    folder = tmp_path / "slapd"
    folder.mkdir()
    return running_directory(folder, authority)


def config_of(running: RunningDirectory, authority: Authority) -> Config:
    flags = {
        "auth.mode": "token",
        "auth.ldap.url": f"ldaps://localhost:{running.secure}",
        "auth.ldap.ca_file": str(authority.certificate),
        "auth.ldap.base": BASE,
    }
    return read(environment={}, flags=flags).config


@pytest.fixture
async def services(storage_root: Path, sqlite_url: str) -> AsyncIterator[Services]:
    async with open_services(storage_root, sqlite_url) as opened:
        opened.policy = RulesPolicy(opened.database, anonymous_pull=True)
        yield opened


async def log_in(client: Client, name: str, secret: str, **query: str) -> Answer:
    return await client.get(f"/token?{urlencode(query)}", headers=basic(name, secret))


async def test_people_of_a_directory_log_in_and_push_to_what_is_theirs(
    serve: Serve, services: Services, directory: AbstractContextManager[RunningDirectory], authority: Authority
) -> None:
    with ExitStack() as stack:
        config = config_of(stack.enter_context(directory), authority)
        async with open_authentication(lambda: config, services) as (authentication, server):
            parts = {"authentication": authentication, "token_server": server}
            client = await serve(services=services, tables={"auth": config.auth}, parts=parts)

            scope = "repository:alice/app:pull,push repository:bob/app:pull"
            granted = await log_in(client, "alice", "alice-password", scope=scope, offline_token="true")
            assert granted.status == 200
            assert "refresh_token" not in granted.document
            claims = jwt.decode(granted.document["token"], options={"verify_signature": False})
            assert [entry["name"] for entry in claims["access"]] == ["alice/app"]
            token = {"Authorization": f"Bearer {granted.document['token']}"}
            assert (await client.ask("POST", "/v2/alice/app/blobs/uploads/", headers=token)).status == 202

            for name, password in (("alice", "wrong"), ("alice", ""), ("nobody", "alice-password"), ("dave", "x")):
                assert (await log_in(client, name, password)).status == 401
            # Who guesses no quicker than the first pauses, as on a busy machine, meets one of the longer ones.
            while (answer := await log_in(client, "dave", "guess")).status == 401:
                pass
            assert answer.refusal == (429, "TOOMANYREQUESTS")

            alice = AccountName.parse("alice")
            secret, _ = await credentials.create(
                services, OPERATOR, alice, name="laptop", scope=EVERYTHING, expires_at=None
            )
            assert (await log_in(client, "alice", secret)).status == 200

            stack.close()
            for name in ("bob", "nobody"):
                assert (await log_in(client, name, f"{name}-password")).refusal == (503, "UNAVAILABLE")
            assert (await log_in(client, "alice", secret)).status == 200
            assert (await client.get("/v2/", headers=token)).status == 200
