"""People log in by the word of an OpenID provider, and never as somebody else."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from registry import limits
from registry.app.authentication import open_authentication
from registry.auth.account_name import AccountName
from registry.auth.rules import RulesPolicy
from registry.auth.subject import OPERATOR
from registry.config import Config
from registry.config.openid_schema import Oidc
from registry.config.schema import Auth
from registry.config.values import Network, PlainText
from registry.metadata.account_rows import Account
from registry.metadata.audit_values import AuditSearch
from registry.services import accounts, audit, organisations
from registry.services.context import Services, now
from tests.openid import OpenIdProvider, new_key, openid_provider
from tests.registry.assembly import open_services
from tests.registry.http.logging_in import ALICE, PASSWORD, basic
from tests.registry.http.serving import Answer, Client, Serve

PATH = "/token/openid"
Open = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return new_key()


@pytest.fixture
async def provider(key: rsa.RSAPrivateKey) -> AsyncIterator[OpenIdProvider]:
    async with openid_provider(key) as provider:
        yield provider


@pytest.fixture
async def services(storage_root: Path, sqlite_url: str) -> AsyncIterator[Services]:
    async with open_services(storage_root, sqlite_url, allowed=[Network.parse("127.0.0.0/8")]) as opened:
        opened.policy = RulesPolicy(opened.database, anonymous_pull=True)
        await accounts.add(opened, OPERATOR, AccountName("root"), PASSWORD, is_admin=True)
        yield opened


@pytest.fixture
def opened(serve: Serve, services: Services, provider: OpenIdProvider) -> Open:
    """Opens a registry that trusts the provider, with other keys of `[auth.oidc]` than the usual."""

    @asynccontextmanager
    async def open_with(**keys: Any) -> AsyncIterator[Client]:
        oidc = Oidc(issuer=provider.issuer, client_id=PlainText("moorage"), **keys)
        config = Config(auth=Auth(mode="token", oidc=oidc))
        async with open_authentication(lambda: config, services) as (authentication, server):
            parts = {"authentication": authentication, "token_server": server}
            yield await serve(services=services, tables={"auth": config.auth}, parts=parts)

    return open_with


async def log_in(client: Client, token: str, name: str = "laptop") -> Answer:
    return await client.ask("POST", PATH, data=urlencode({"id_token": token, "name": name}).encode())


async def account(services: Services, name: str) -> Account:
    return await accounts.show(services, OPERATOR, AccountName(name))


async def audited(services: Services) -> list[tuple[str, str]]:
    await services.refusals.flush(services.database)
    rows = await audit.page(services, AuditSearch(), None, 100)
    return [(row.entry.action, row.entry.target) for row in rows]


async def test_the_registry_tells_with_which_provider_to_log_in(opened: Open, provider: OpenIdProvider) -> None:
    async with opened() as client:
        answer = await client.get(PATH)

    assert answer.document == {"issuer": str(provider.issuer), "client_id": "moorage", "scope": "openid profile"}


async def test_a_registry_that_trusts_no_provider_says_so(guarded: Client) -> None:
    assert (await guarded.get(PATH)).refusal == (404, "UNSUPPORTED")
    assert (await log_in(guarded, "a.b.c")).refusal == (404, "UNSUPPORTED")


async def test_a_person_gets_an_account_and_a_token_that_logs_in(
    opened: Open, services: Services, provider: OpenIdProvider
) -> None:
    async with opened() as client:
        done = await log_in(client, provider.token(preferred_username="Alice"))

        assert done.status == 200
        assert done.headers["Cache-Control"] == "no-store"
        assert done.document["username"] == ALICE
        left = datetime.fromisoformat(done.document["expires_at"]) - now()
        assert timedelta(days=29) < left <= timedelta(days=30)
        secret = done.document["token"]
        assert (await client.get("/v2/", headers=basic(ALICE, secret))).status == 200
        assert (await client.ask("POST", "/v2/alice/app/blobs/uploads/", headers=basic(ALICE, secret))).status == 202

    made = await account(services, ALICE)
    assert (made.source, made.external_id) == (f"oidc:{provider.issuer}", "user-1")
    assert (made.is_admin, made.last_login_at is not None) == (False, True)
    assert (await audited(services))[:3] == [("credential.made", ALICE), ("login", ALICE), ("account.made", ALICE)]


async def test_an_id_token_is_good_for_one_login_at_whatever_worker(
    opened: Open, services: Services, provider: OpenIdProvider
) -> None:
    token = provider.token(preferred_username=ALICE)
    async with opened() as client, opened() as other:
        answers = [(await log_in(each, token)).status for each in (client, other, client)]

    assert answers == [200, 401, 401]
    done = [action for action, _ in await audited(services)]
    assert (done.count("credential.made"), done.count("login"), done.count("login.failed")) == (1, 1, 2)


async def test_a_person_stays_who_they_are_whatever_the_provider_calls_them_later(
    opened: Open, services: Services, provider: OpenIdProvider
) -> None:
    async with opened() as client:
        await log_in(client, provider.token(preferred_username=ALICE))
        again = await log_in(client, provider.token(preferred_username="married"))
        other = await log_in(client, provider.token(preferred_username=ALICE, sub="user-2"))

    assert again.document["username"] == ALICE
    assert other.refusal == (409, "NAME_INVALID")


async def test_no_local_account_and_no_organisation_is_taken_over(
    opened: Open, services: Services, provider: OpenIdProvider
) -> None:
    await accounts.add(services, OPERATOR, AccountName(ALICE), PASSWORD)
    await organisations.create(services, OPERATOR, AccountName("team"))

    async with opened() as client:
        for name in (ALICE, "root", "team"):
            answer = await log_in(client, provider.token(preferred_username=name))
            assert answer.refusal == (409, "NAME_INVALID")

    assert (await account(services, ALICE)).source == "local"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another"},
        {"aud": ["moorage", "another"]},
        {"aud": ["moorage", "another"], "azp": "another"},
        {"azp": "another"},
        pytest.param({"iat": int(time.time()) - limits.OPENID_LOGIN_S - 5}, id="of a moment ago"),
        {"exp": 1},
        {"iss": "https://issuer.example"},
    ],
    ids=str,
)
async def test_a_token_for_another_client_or_of_another_login_is_refused(
    opened: Open, services: Services, provider: OpenIdProvider, changes: dict[str, Any]
) -> None:
    async with opened() as client:
        answer = await log_in(client, provider.token(preferred_username=ALICE, **changes))

    assert answer.refusal == (401, "UNAUTHORIZED")
    assert (await audited(services))[0][0] == "login.failed"


async def test_a_token_for_several_that_names_this_client_is_taken(opened: Open, provider: OpenIdProvider) -> None:
    async with opened() as client:
        token = provider.token(preferred_username=ALICE, aud=["moorage", "another"], azp="moorage")
        assert (await log_in(client, token)).status == 200


async def test_an_address_that_the_provider_has_not_verified_names_nobody(
    opened: Open, provider: OpenIdProvider
) -> None:
    keys = {"account_claim": PlainText("email"), "account_domain": PlainText("example.org")}
    async with opened(**keys) as client:
        claimed = [
            await log_in(client, provider.token(email="alice@example.org", email_verified=said))
            for said in (False, "false", None)
        ]
        verified = await log_in(client, provider.token(email="alice@example.org", email_verified=True))

    assert {answer.refusal for answer in claimed} == {(400, "NAME_INVALID")}
    assert "has not verified" in claimed[0].document["errors"][0]["message"]
    assert verified.document["username"] == ALICE


@pytest.mark.parametrize("name", [..., 7, "", "not a name", "team+ci", "alice@example.org", "alice@evil.example"])
async def test_a_name_that_no_account_can_have_is_told_of(opened: Open, provider: OpenIdProvider, name: Any) -> None:
    async with opened() as client:
        answer = await log_in(client, provider.token(preferred_username=name))

    assert answer.refusal == (400, "NAME_INVALID")
    assert "preferred_username" in answer.document["errors"][0]["message"]


async def test_of_an_address_in_the_own_domain_the_name_is_taken(opened: Open, provider: OpenIdProvider) -> None:
    keys = {"account_claim": PlainText("email"), "account_domain": PlainText("example.org")}
    async with opened(**keys) as client:
        done = await log_in(client, provider.token(email="alice@example.org"))
        foreign = await log_in(client, provider.token(email="bob@example.org.evil", sub="user-2"))

    assert done.document["username"] == ALICE
    assert foreign.refusal == (400, "NAME_INVALID")


async def test_groups_let_in_and_make_administrators(
    opened: Open, services: Services, provider: OpenIdProvider
) -> None:
    keys = {"allowed_groups": (PlainText("dev"), PlainText("ops")), "admin_groups": (PlainText("ops"),)}
    async with opened(**keys) as client:
        for groups in (..., [], ["other"], "developers", 7):
            token = provider.token(preferred_username=ALICE, groups=groups)
            assert (await log_in(client, token)).refusal == (403, "DENIED")

        for groups, is_admin in ((["dev"], False), (["dev", "ops"], True), ("dev", False)):
            token = provider.token(preferred_username=ALICE, groups=groups)
            assert (await log_in(client, token)).status == 200
            assert (await account(services, ALICE)).is_admin is is_admin

    made = [action for action, target in await audited(services) if target == ALICE and "administrator" in action]
    assert made == ["administrator.unmade", "administrator.made"]


async def test_the_last_administrator_stays_one(opened: Open, services: Services, provider: OpenIdProvider) -> None:
    async with opened(admin_groups=(PlainText("ops"),)) as client:
        await log_in(client, provider.token(preferred_username=ALICE, groups=["ops"]))
        await accounts.disable(services, OPERATOR, AccountName("root"))
        await log_in(client, provider.token(preferred_username=ALICE))

    assert (await account(services, ALICE)).is_admin


async def test_a_disabled_account_stays_out(opened: Open, services: Services, provider: OpenIdProvider) -> None:
    async with opened() as client:
        await log_in(client, provider.token(preferred_username=ALICE))
        await accounts.disable(services, OPERATOR, AccountName(ALICE))

        assert (await log_in(client, provider.token(preferred_username=ALICE))).refusal == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb"])
async def test_a_token_without_a_proper_name_is_not_made(opened: Open, provider: OpenIdProvider, name: str) -> None:
    async with opened() as client:
        answer = await log_in(client, provider.token(preferred_username=ALICE), name)

    assert answer.status == 400


async def test_failed_logins_are_held_back(opened: Open, provider: OpenIdProvider) -> None:
    async with opened() as client:
        for _ in range(limits.LOGIN_FREE_FAILURES_ADDRESS + 1):
            assert (await log_in(client, "a.b.c")).status == 401

        assert (await log_in(client, provider.token(preferred_username=ALICE))).refusal == (429, "TOOMANYREQUESTS")


async def test_a_provider_that_does_not_answer_is_not_named_to_clients(opened: Open, provider: OpenIdProvider) -> None:
    provider.status = 500
    async with opened() as client:
        answer = await log_in(client, provider.token(preferred_username=ALICE))

    assert answer.refusal == (503, "UNAVAILABLE")
    assert str(provider.issuer) not in answer.body.decode()
