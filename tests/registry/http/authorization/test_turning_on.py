"""What was pushed while nobody had to log in, once everybody has to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest

from oci_spec.digest import Digest
from registry.app.assembly import settings_of
from registry.app.authentication import open_authentication
from registry.auth.account_name import AccountName
from registry.auth.grantee import Grantee
from registry.auth.rules import RulesPolicy
from registry.auth.subject import OPERATOR
from registry.config.schema import Auth, Config
from registry.errors import NameTaken
from registry.metadata.account_rows import Namespace, NamespaceKind
from registry.metadata.rows import Visibility
from registry.metadata.transaction import Transaction
from registry.services import accounts, organisations, repository_roles, repository_settings
from registry.services.context import Services
from tests.registry.assembly import access_to, open_services
from tests.registry.http.authorization.conftest import CONFIG
from tests.registry.http.logging_in import PASSWORD, basic
from tests.registry.http.serving import Client, Serve

CONTENT = b"pushed by nobody in particular"
DIGEST = Digest.of(CONTENT)
NAMES = ("team/app", "team/tools/web", "alone")


@pytest.fixture
async def services(storage_root: Path, sqlite_url: str, serve: Serve) -> AsyncIterator[Services]:
    """The services of a registry that was filled without accounts and began anew with them."""
    async with open_services(storage_root, sqlite_url) as before:
        # As `registry serve` sets it up: what is for everyone is said of accounts, which there are none of yet.
        before.settings = settings_of(Config(auth=Auth(default_visibility="public")))
        client = await serve(services=before)
        for name in NAMES:
            await client.push_blob(name, CONTENT)
    async with open_services(storage_root, sqlite_url) as after:
        after.policy = RulesPolicy(after.database, anonymous_pull=True)
        await accounts.add(after, OPERATOR, AccountName.parse("root"), PASSWORD, is_admin=True)
        await accounts.add(after, OPERATOR, AccountName.parse("alice"), PASSWORD)
        yield after


@pytest.fixture
async def client(services: Services, serve: Serve) -> AsyncIterator[Client]:
    async with open_authentication(lambda: CONFIG, services) as (authentication, server):
        yield await serve(
            services=services,
            tables={"auth": CONFIG.auth},
            parts={"authentication": authentication, "token_server": server},
        )


async def statuses(client: Client, who: dict[str, str]) -> list[int]:
    return [(await client.get(f"/v2/{name}/blobs/{DIGEST}", headers=who)).status for name in NAMES]


async def test_it_is_private_and_only_administrators_see_it(client: Client, services: Services) -> None:
    assert await statuses(client, {}) == [401, 401, 401]
    assert await statuses(client, basic("alice")) == [403, 403, 403]
    assert await statuses(client, basic("root")) == [200, 200, 200]
    for name in NAMES:
        assert (await client.get(f"/api/v1/repositories/{name}", headers=basic("alice"))).status == 404
    assert (await client.get("/v2/_catalog")).document == {"repositories": []}


async def test_it_belongs_to_organisations_without_members_whose_names_are_taken(
    client: Client, services: Services
) -> None:
    for name in ("team", "library"):
        namespace = await services.database.read(namespace_of, name)
        assert namespace is not None
        assert namespace.kind is NamespaceKind.ORGANISATION
        assert await organisations.members(services, OPERATOR, AccountName.parse(name), limit=9) == []
        with pytest.raises(NameTaken):
            await accounts.add(services, OPERATOR, AccountName.parse(name), None)


def namespace_of(tx: Transaction, name: str) -> Namespace | None:
    return tx.namespaces.find(name)


async def test_it_is_given_away_and_published(client: Client, services: Services) -> None:
    await repository_roles.change_owner(services, access_to("team/app"), Grantee.parse("alice"))
    await repository_settings.set_visibility(services, access_to("alone"), Visibility.PUBLIC)

    assert await statuses(client, basic("alice")) == [200, 403, 200]
    assert await statuses(client, {}) == [401, 401, 200]
    published = await client.ask(
        "PUT", "/api/v1/repositories/team/app/visibility", json={"visibility": "public"}, headers=basic("alice")
    )
    assert published.status == 204
    assert await statuses(client, {}) == [200, 401, 200]


@pytest.mark.parametrize(("mode", "visibility"), [("none", "private"), ("token", "public"), ("external", "public")])
def test_new_repositories_are_public_only_where_somebody_logs_in(
    mode: Literal["none", "token", "external"], visibility: str
) -> None:
    config = Config(auth=Auth(mode=mode, default_visibility="public"))

    assert settings_of(config).default_visibility == visibility
