"""A job of a CI system gets a token of ours for its own, and nobody else does."""

from __future__ import annotations

from collections.abc import AsyncIterator
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
from registry.auth.workload_trust import ClaimPattern, WorkloadTrust
from registry.config import Config
from registry.config.issuer import IssuerUrl
from registry.config.schema import Auth
from registry.config.values import Network
from registry.errors import AccountUnknown, TrustsTooMany, TrustUnknown
from registry.metadata.account_rows import AccountKind, NamespaceKind, NewAccount, NewGrant
from registry.metadata.audit_values import AuditSearch
from registry.metadata.transaction import Transaction
from registry.services import audit, workload_trusts
from registry.services.context import Services, now
from tests.openid import OpenIdProvider, new_key, openid_provider
from tests.registry.assembly import open_services
from tests.registry.http.logging_in import basic, bearer
from tests.registry.http.serving import Answer, Client, Serve
from tests.registry.http.test_token import actions

CONFIG = Config(auth=Auth(mode="token"))
ROBOT, OTHER = AccountName.parse("team+ci"), AccountName.parse("team+other")
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
SCOPE = "repository:team/app:pull,push"
SUBJECT = "repo:team/app:ref:refs/heads/main"


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
        await opened.database.write(make_robots)
        opened.policy = RulesPolicy(opened.database, anonymous_pull=True)
        yield opened


def make_robots(tx: Transaction) -> None:
    namespace = tx.namespaces.make("team", NamespaceKind.ORGANISATION, now())
    assert namespace is not None
    for name in (ROBOT, OTHER):
        robot = tx.accounts.make(
            NewAccount(
                name=str(name),
                kind=AccountKind.ROBOT,
                namespace_id=namespace.id,
                created_at=now(),
                created_by="operator",
            )
        )
        assert robot is not None
        tx.grants.set(
            NewGrant(
                account_id=robot.id,
                team_id=None,
                pattern="team/app",
                bucket="team/app",
                role="writer",
                created_at=now(),
                created_by="operator",
            )
        )


@pytest.fixture
async def client(serve: Serve, services: Services) -> AsyncIterator[Client]:
    async with open_authentication(lambda: CONFIG, services) as (authentication, server):
        parts = {"authentication": authentication, "token_server": server}
        yield await serve(services=services, tables={"auth": CONFIG.auth}, parts=parts)


async def trust(services: Services, issuer: IssuerUrl, *claims: str, robot: AccountName = ROBOT) -> int:
    workload = WorkloadTrust.of(issuer, "moorage", map(ClaimPattern.parse, claims or (f"sub={SUBJECT}",)))
    return (await workload_trusts.add(services, OPERATOR, robot, workload)).number


async def exchange(client: Client, token: str, **fields: str) -> Answer:
    form = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ID_TOKEN, "scope": SCOPE, **fields}
    return await client.ask("POST", "/token", data=urlencode(form).encode())


async def audited(services: Services) -> list[tuple[str, str, str]]:
    await services.refusals.flush(services.database)
    rows = await audit.page(services, AuditSearch(), None, 100)
    return [(row.entry.action, row.entry.actor, row.entry.target) for row in rows]


async def test_a_trusted_job_gets_a_token_that_does_what_the_robot_may(
    client: Client, services: Services, provider: OpenIdProvider
) -> None:
    await trust(services, provider.issuer)

    answer = await exchange(client, provider.token(sub=SUBJECT))

    assert answer.status == 200
    assert answer.document["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert (answer.document["token_type"], answer.document["expires_in"]) == ("Bearer", limits.TOKEN_LIFETIME_S)
    assert "refresh_token" not in answer.document
    assert actions(answer) == [("repository:team/app", ("pull", "push"))]
    token = bearer(answer.document["access_token"])
    assert (await client.ask("POST", "/v2/team/app/blobs/uploads/", headers=token)).status == 202
    assert (await client.ask("POST", "/v2/team/other/blobs/uploads/", headers=token)).refusal == (401, "UNAUTHORIZED")
    assert (await audited(services))[1] == ("login", "robot:team+ci", "team+ci")


async def test_a_job_logs_in_as_docker_does_with_its_token_for_a_password(
    client: Client, services: Services, provider: OpenIdProvider
) -> None:
    await trust(services, provider.issuer, "sub=repo:team/app:*")
    credentials = basic("team+ci", provider.token(sub=SUBJECT))

    answer = await client.get(f"/token?{urlencode({'scope': SCOPE, 'account': 'team+ci'})}", headers=credentials)

    assert answer.status == 200
    assert actions(answer) == [("repository:team/app", ("pull", "push"))]
    assert (await client.get("/v2/", headers=credentials)).status == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": "repo:team/app-evil:ref:refs/heads/main"},
        {"sub": SUBJECT, "aud": "another"},
        {"sub": SUBJECT, "exp": 1},
        {"sub": SUBJECT, "iss": "https://issuer.example"},
    ],
    ids=str,
)
async def test_another_job_is_refused_as_a_wrong_password_is(
    client: Client, services: Services, provider: OpenIdProvider, changes: dict[str, Any]
) -> None:
    await trust(services, provider.issuer)
    token = provider.token(**changes)

    answers = [
        await exchange(client, token),
        await exchange(client, token, username="team+ci"),
        await client.get("/token", headers=basic("team+ci", token)),
    ]

    assert [answer.refusal for answer in answers] == [(401, "UNAUTHORIZED")] * 3
    assert [entry[0] for entry in (await audited(services))[:3]] == ["login.failed"] * 3


async def test_a_token_is_for_a_robot_that_trusts_it_only(
    client: Client, services: Services, provider: OpenIdProvider
) -> None:
    await trust(services, provider.issuer)
    token = provider.token(sub=SUBJECT)

    assert (await exchange(client, token, username="team+other")).refusal == (401, "UNAUTHORIZED")
    assert (await exchange(client, token, username="Bad Name")).refusal == (401, "UNAUTHORIZED")
    assert (await client.get("/token", headers=basic("team+other", token))).refusal == (401, "UNAUTHORIZED")

    await trust(services, provider.issuer, robot=OTHER)
    ambiguous = await exchange(client, token)
    assert ambiguous.refusal == (400, "UNSUPPORTED")
    assert "username" in ambiguous.document["errors"][0]["message"]
    assert (await exchange(client, token, username="team+other")).status == 200


async def test_an_issuer_that_nobody_trusts_is_not_asked(client: Client, provider: OpenIdProvider) -> None:
    assert (await exchange(client, provider.token(sub=SUBJECT))).refusal == (401, "UNAUTHORIZED")

    assert provider.server.asked == []


@pytest.mark.parametrize("token", ["", "a.b.c", "x" * 20_000], ids=["empty", "no token", "long"])
async def test_what_is_no_token_is_refused(client: Client, token: str) -> None:
    assert (await exchange(client, token)).refusal == (401, "UNAUTHORIZED")


async def test_an_exchange_for_another_kind_of_token_is_not_understood(client: Client) -> None:
    answer = await exchange(client, "a.b.c", subject_token_type="urn:ietf:params:oauth:token-type:saml2")

    assert answer.refusal == (400, "UNSUPPORTED")


async def test_failed_exchanges_are_held_back_and_successful_ones_are_not(
    client: Client, services: Services, provider: OpenIdProvider
) -> None:
    await trust(services, provider.issuer)
    for _ in range(limits.LOGIN_FREE_FAILURES_ADDRESS):
        assert (await exchange(client, "a.b.c")).status == 401
    assert (await exchange(client, provider.token(sub=SUBJECT))).status == 200

    assert (await exchange(client, "a.b.c")).status == 401
    assert (await exchange(client, provider.token(sub=SUBJECT))).refusal == (429, "TOOMANYREQUESTS")


async def test_an_issuer_that_does_not_answer_is_no_failure_of_the_job(
    client: Client, services: Services, provider: OpenIdProvider
) -> None:
    await trust(services, provider.issuer)
    provider.status = 500

    for _ in range(limits.LOGIN_FREE_FAILURES_ADDRESS + 2):
        answer = await exchange(client, provider.token(sub=SUBJECT))

    assert answer.refusal == (503, "UNAVAILABLE")
    assert str(provider.issuer) not in answer.body.decode()


async def test_tokens_fall_when_their_workload_is_trusted_no_more(
    client: Client, services: Services, provider: OpenIdProvider
) -> None:
    number = await trust(services, provider.issuer)
    text = provider.token(sub=SUBJECT)
    token = bearer((await exchange(client, text)).document["token"])
    assert (await client.get("/v2/", headers=token)).status == 200

    await workload_trusts.remove(services, OPERATOR, ROBOT, number)

    assert (await client.get("/v2/", headers=token)).status == 401
    assert (await exchange(client, text)).status == 401
    assert ("workload.distrusted", "operator", "team+ci") in await audited(services)


async def test_a_disabled_robot_trusts_nobody(client: Client, services: Services, provider: OpenIdProvider) -> None:
    await trust(services, provider.issuer)
    await services.database.write(lambda tx: tx.accounts.disable(tx.accounts.robots_of(1)[0].id))

    assert (await exchange(client, provider.token(sub=SUBJECT))).refusal == (401, "UNAUTHORIZED")


async def test_trusted_workloads_are_listed_and_bounded(services: Services, provider: OpenIdProvider) -> None:
    numbers = [await trust(services, provider.issuer) for _ in range(limits.TRUSTS_OF_A_ROBOT)]

    listed = await workload_trusts.listing(services, OPERATOR, ROBOT)

    assert [each.number for each in listed] == numbers
    assert str(listed[0].workload.claims[0]) == f"sub={SUBJECT}"
    with pytest.raises(TrustsTooMany):
        await trust(services, provider.issuer)
    with pytest.raises(TrustUnknown):
        await workload_trusts.remove(services, OPERATOR, OTHER, numbers[0])
    with pytest.raises(AccountUnknown):
        await workload_trusts.listing(services, OPERATOR, AccountName.parse("team+nobody"))
