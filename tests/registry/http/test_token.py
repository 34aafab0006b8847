"""Logging in over HTTP: challenges, tokens by either form of the request, and what they are good for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest

from oci_spec.digest import Digest
from registry import limits
from registry.app.authentication import open_authentication
from registry.auth.account_name import AccountName
from registry.auth.passwords import Passwords
from registry.auth.pattern import RepositoryPattern
from registry.auth.rules import RulesPolicy
from registry.auth.scope import Action, Scope
from registry.auth.secret_text import SecretKind, generate, hash_of
from registry.auth.subject import OPERATOR, Proof, Subject, SubjectKind
from registry.auth.subject import PASSWORD as PASSWORD_KIND
from registry.config import Config
from registry.config.schema import Auth
from registry.metadata.account_rows import AccountKind, NamespaceKind, NewAccount, NewCredential
from registry.metadata.rows import Visibility
from registry.metadata.transaction import Transaction
from registry.services import accounts, first_administrator
from registry.services.context import Services, now
from tests.registry.assembly import open_services
from tests.registry.http.logging_in import ALICE, PASSWORD, basic, bearer
from tests.registry.http.serving import Answer, Client, Serve

CONFIG = Config(auth=Auth(mode="token"))


def actions(answer: Answer) -> list[tuple[str, tuple[str, ...]]]:
    """What the token in an answer grants."""
    claims = jwt.decode(answer.document["token"], options={"verify_signature": False})
    return [(f"{entry['type']}:{entry['name']}", tuple(entry["actions"])) for entry in claims["access"]]


@pytest.fixture
async def services(storage_root: Path, sqlite_url: str) -> AsyncIterator[Services]:
    async with open_services(storage_root, sqlite_url) as opened:
        hasher = Passwords()
        password_hash = await hasher.hash(PASSWORD)
        await hasher.close()
        assert await first_administrator.make(opened.database, password_hash, now())
        await opened.database.write(make_alice, password_hash)
        opened.policy = RulesPolicy(opened.database, anonymous_pull=True)
        yield opened


def make_alice(tx: Transaction, password_hash: str) -> None:
    alice = tx.accounts.make(
        NewAccount(
            name=ALICE, kind=AccountKind.USER, created_at=now(), created_by="operator", password_hash=password_hash
        )
    )
    assert alice is not None
    namespace = tx.namespaces.make(ALICE, NamespaceKind.USER, now())
    assert namespace is not None
    tx.namespaces.set_member(namespace.id, alice.id, is_owner=True, now=now())


@pytest.fixture
async def client(serve: Serve, services: Services) -> AsyncIterator[Client]:
    async with open_authentication(lambda: CONFIG, services) as (authentication, server):
        yield await serve(
            services=services,
            tables={"auth": CONFIG.auth},
            parts={"authentication": authentication, "token_server": server},
        )


async def login(client: Client, name: str = ALICE, **query: Any) -> Answer:
    return await client.get(
        f"/token?{urlencode({'service': 'moorage', **query}, doseq=True)}", headers=basic(name, PASSWORD)
    )


async def test_who_brings_nothing_learns_from_the_version_check_where_to_log_in(client: Client) -> None:
    answer = await client.get("/v2/")

    assert answer.refusal == (401, "UNAUTHORIZED")
    realm, service = answer.headers["WWW-Authenticate"].removeprefix("Bearer ").split(",")
    assert realm.startswith('realm="http://127.0.0.1:')
    assert realm.endswith('/token"')
    assert service == 'service="moorage"'


async def test_a_login_without_a_scope_gives_a_token_that_passes_the_version_check(client: Client) -> None:
    granted = await login(client, account=ALICE)

    assert granted.status == 200
    assert granted.headers["Cache-Control"] == "no-store"
    assert granted.document["token"] == granted.document["access_token"]
    assert granted.document["expires_in"] == 300
    assert "refresh_token" not in granted.document
    assert (await client.get("/v2/", headers=bearer(granted.document["token"]))).status == 200


async def test_anybody_gets_a_token_for_nothing_and_nothing_with_it(client: Client) -> None:
    for headers in ({}, {"Authorization": "Basic Og=="}):
        granted = await client.get("/token?scope=repository:alice/app:pull", headers=headers)
        assert granted.status == 200
        assert actions(granted) == []

    token = bearer(granted.document["token"])
    assert (await client.get("/v2/", headers=token)).status == 200
    assert (await client.get("/v2/alice/app/tags/list", headers=token)).refusal == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("credentials", [("alice", "wrong"), ("nobody", PASSWORD), ("Alice", PASSWORD), ("alice", "")])
async def test_a_wrong_name_or_password_is_told_in_one_way(client: Client, credentials: tuple[str, str]) -> None:
    answers = [
        await client.get(path, headers=basic(*credentials)) for path in ("/token", "/v2/", "/api/v1/repositories")
    ]

    assert [answer.status for answer in answers] == [401, 401, 401]
    assert {answer.document.get("detail") or answer.document["errors"][0]["message"] for answer in answers} == {
        "the name or the password is wrong, or what was given in its place has been revoked or has expired"
    }


async def test_a_token_grants_what_of_the_asked_scopes_is_allowed(client: Client) -> None:
    scopes = ["repository:alice/app:pull,push", "repository:bob/app:pull repository:admin/x:push", "registry:catalog:*"]

    granted = await login(client, scope=scopes)

    assert actions(granted)[:1] == [("repository:alice/app", ("pull", "push"))]
    assert ("registry:catalog", ("*",)) in actions(granted)
    assert "repository:admin/x" not in dict(actions(granted))


async def test_what_is_pushed_with_a_token_is_private(client: Client) -> None:
    token = (await login(client, scope="repository:alice/app:pull,push")).document["token"]
    pushed = await client.ask("POST", "/v2/alice/app/blobs/uploads/", headers=bearer(token))
    assert pushed.status == 202

    refused = await client.ask("POST", "/v2/alice/app/blobs/uploads/")

    assert refused.status == 401
    assert 'scope="repository:alice/app:pull,push"' in refused.headers["WWW-Authenticate"]
    assert "error=" not in refused.headers["WWW-Authenticate"]


async def test_a_token_that_does_not_reach_is_answered_with_the_scope_that_would(client: Client) -> None:
    token = (await login(client, scope="repository:alice/app:pull")).document["token"]

    answer = await client.ask("DELETE", "/v2/alice/app/manifests/1", headers=bearer(token))

    assert answer.refusal == (401, "UNAUTHORIZED")
    assert 'scope="repository:alice/app:delete"' in answer.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


async def test_a_mount_asks_for_both_repositories(client: Client) -> None:
    answer = await client.ask("POST", f"/v2/alice/app/blobs/uploads/?mount=sha256:{'0' * 64}&from=bob/app")

    assert 'scope="repository:alice/app:pull,push repository:bob/app:pull"' in answer.headers["WWW-Authenticate"]


async def test_a_password_that_does_not_suffice_is_denied_for_good(client: Client) -> None:
    answer = await client.get("/v2/admin/app/tags/list", headers=basic(ALICE, PASSWORD))

    assert answer.refusal == (403, "DENIED")


async def test_a_push_into_a_namespace_that_nobody_made_is_told_how_to_make_it(client: Client) -> None:
    token = (await login(client, scope="repository:nowhere/app:pull,push")).document["token"]

    answer = await client.ask("POST", "/v2/nowhere/app/blobs/uploads/", headers=bearer(token))

    assert answer.refusal == (403, "DENIED")
    assert "registry org create nowhere" in answer.document["errors"][0]["message"]


async def test_the_web_api_hides_what_may_not_be_seen(client: Client) -> None:
    path = "/api/v1/repositories/admin/app"

    assert (await client.get(path)).status == 401
    assert (await client.get(path)).headers["WWW-Authenticate"] == 'Basic realm="registry"'
    assert (await client.get(path, headers=basic(ALICE, PASSWORD))).status == 404


async def test_a_client_that_stays_logged_in_gets_a_refresh_token_and_lives_on_it(client: Client) -> None:
    first = await login(client, offline_token="true", client_id="docker", account=ALICE)
    secret = first.document["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": secret, "scope": "repository:alice/app:pull"}

    again = await client.ask("POST", "/token", data=urlencode(form).encode())

    assert again.status == 200
    assert again.document["refresh_token"] == secret
    assert actions(again) == [("repository:alice/app", ("pull",))]
    assert (await client.get("/v2/", headers=basic(ALICE, secret))).status == 401


async def test_a_refresh_token_falls_with_what_proved_its_account(client: Client, services: Services) -> None:
    secret = (await login(client, offline_token="true")).document["refresh_token"]
    form = urlencode({"grant_type": "refresh_token", "refresh_token": secret}).encode()
    alice = AccountName(ALICE)

    await accounts.disable(services, OPERATOR, alice)
    await accounts.enable(services, OPERATOR, alice)

    assert (await client.ask("POST", "/token", data=form)).status == 401


async def test_no_refresh_token_is_made_for_a_password_that_was_replaced(services: Services) -> None:
    alice = await accounts.show(services, OPERATOR, AccountName(ALICE))
    proof = Proof(PASSWORD_KIND, alice.generation)
    subject = Subject(SubjectKind.USER, ALICE, alice.id, proof)
    async with open_authentication(lambda: CONFIG, services) as (_, server):
        # The login was under way when the password was replaced.
        await accounts.set_password(services, OPERATOR, AccountName(ALICE), "another horse battery")

        granted = await server.grant(subject, [], client="docker", offline_at=now())

    assert granted.refresh_token is None


async def test_of_many_clients_that_stay_logged_in_the_oldest_is_forgotten(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REFRESH_TOKENS_OF_ACCOUNT", 2)
    secrets = [(await login(client, offline_token="true")).document["refresh_token"] for _ in range(3)]

    forms = [urlencode({"grant_type": "refresh_token", "refresh_token": secret}).encode() for secret in secrets]

    assert [(await client.ask("POST", "/token", data=form)).status for form in forms] == [401, 200, 200]


async def test_clients_that_are_in_use_stay_logged_in_however_many_others_are_made(
    client: Client, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REFRESH_TOKENS_OF_ACCOUNT", 2)
    used = (await login(client, offline_token="true")).document["refresh_token"]
    form = urlencode({"grant_type": "refresh_token", "refresh_token": used}).encode()
    assert (await client.ask("POST", "/token", data=form)).status == 200
    await services.credential_uses.flush(services.database)

    for _ in range(3):
        assert (await login(client, offline_token="true")).status == 200

    assert (await client.ask("POST", "/token", data=form)).status == 200


@pytest.mark.parametrize(("site", "is_given"), [("cross-site", False), ("same-site", False), ("same-origin", True)])
async def test_a_page_of_another_site_makes_no_client_that_stays_logged_in(
    client: Client, site: str, *, is_given: bool
) -> None:
    headers = {**basic(ALICE), "Sec-Fetch-Site": site}

    answer = await client.get("/token?offline_token=true", headers=headers)

    assert answer.status == 200
    assert ("refresh_token" in answer.document) is is_given


async def test_a_form_with_a_password_is_as_good_as_basic_credentials(client: Client) -> None:
    form = {"grant_type": "password", "username": ALICE, "password": PASSWORD, "access_type": "offline"}

    answer = await client.ask("POST", "/token", data=urlencode(form).encode())

    assert answer.status == 200
    assert "refresh_token" in answer.document


@pytest.mark.parametrize(
    ("form", "status"),
    [
        (b"", 400),
        (b"grant_type=code", 400),
        (b"\xff", 400),
        (b"grant_type=refresh_token&refresh_token=mrg_f_x", 401),
        (b"grant_type=password&username=alice&password=wrong", 401),
        (b"a" * (1 << 17), 400),
    ],
)
async def test_a_form_that_proves_nothing_is_refused(client: Client, form: bytes, status: int) -> None:
    assert (await client.ask("POST", "/token", data=form)).status == status


async def test_the_bearer_of_a_token_gets_no_other_one(client: Client) -> None:
    token = (await login(client)).document["token"]

    refused = await client.get("/token", headers=bearer(token))

    assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, 'Basic realm="registry"')


async def test_a_personal_token_stands_in_for_the_password_as_far_as_it_reaches(
    client: Client, services: Services
) -> None:
    secret = generate(SecretKind.PERSONAL)
    await services.database.write(make_token, secret)

    granted = await client.get("/token?scope=repository:alice/app:pull,push", headers=basic(ALICE, secret))

    assert actions(granted) == [("repository:alice/app", ("pull",))]
    assert (await client.get("/v2/", headers=bearer(secret))).status == 200
    assert (await client.get("/v2/", headers=basic("admin", secret))).status == 401


async def test_a_revoked_credential_takes_its_tokens_along(client: Client, services: Services) -> None:
    secret = generate(SecretKind.PERSONAL)
    account_id, credential_id = await services.database.write(make_token, secret)
    token = (await client.get("/token", headers=basic(ALICE, secret))).document["token"]
    assert (await client.get("/v2/", headers=bearer(token))).status == 200

    await services.database.write(lambda tx: tx.credentials.revoke(account_id, credential_id, now()))

    refused = await client.get("/v2/", headers=bearer(token))
    assert refused.status == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert (await client.get("/token", headers=basic(ALICE, secret))).status == 401


async def test_who_guesses_too_often_is_held_back(client: Client) -> None:
    answers = [await client.get("/token", headers=basic(ALICE, f"guess {number}")) for number in range(12)]

    assert answers[0].status == 401
    assert answers[-1].refusal == (429, "TOOMANYREQUESTS")
    assert int(answers[-1].headers["Retry-After"]) >= 1


def make_token(tx: Transaction, secret: str) -> tuple[int, int]:
    account = tx.accounts.find(ALICE)
    assert account is not None
    made = tx.credentials.make(
        NewCredential(
            account_id=account.id,
            kind=SecretKind.PERSONAL,
            name="laptop",
            hash=hash_of(secret),
            scope=str(Scope(frozenset({Action.PULL}), (RepositoryPattern.parse("alice/*"),))),
            generation=account.generation,
            created_at=now(),
            created_by="user:alice",
            expires_at=now() + timedelta(hours=1),
        )
    )
    return account.id, made.id


async def test_where_new_repositories_are_public_anybody_pulls_from_them(client: Client, services: Services) -> None:
    services.settings = replace(services.settings, default_visibility=Visibility.PUBLIC)
    token = (await login(client, scope="repository:alice/app:pull,push")).document["token"]
    digest = Digest.of(b"a layer")

    pushed = await client.ask(
        "POST", f"/v2/alice/app/blobs/uploads/?digest={digest}", data=b"a layer", headers=bearer(token)
    )

    assert pushed.status == 201
    assert (await client.get(f"/v2/alice/app/blobs/{digest}")).body == b"a layer"
    assert (await client.ask("DELETE", f"/v2/alice/app/blobs/{digest}")).status == 401
