"""A registry that takes the tokens of another token server, here as distribution's does by a bundle of certificates."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from msgspec.structs import replace

from oci_spec.digest import Digest
from registry.app.external_authentication import check_keys, open_external_authentication
from registry.app.refusals import LoginSourceUnusable
from registry.auth.rules import RulesPolicy
from registry.config import Config, load
from registry.metadata.transaction import Transaction
from registry.services.context import Services, now
from tests.certificates import Authority, Certificate
from tests.registry.assembly import open_services
from tests.registry.http.logging_in import basic, bearer
from tests.registry.http.serving import Client, Serve

REALM = "https://auth.example/token"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made_in(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def signer(authority: Authority) -> Certificate:
    return authority.sign("token-server")


@pytest.fixture
def config(authority: Authority) -> Config:
    flags = {
        "auth.mode": "external",
        "auth.issuer": "auth.example",
        "auth.service": "registry.example",
        "auth.external.realm": REALM,
        "auth.external.certificates": str(authority.certificate),
    }
    return load(environment={}, flags=flags)


@pytest.fixture
async def services(storage_root: Path, sqlite_url: str) -> AsyncIterator[Services]:
    async with open_services(storage_root, sqlite_url) as opened:
        opened.policy = RulesPolicy(opened.database, anonymous_pull=True)
        yield opened


@pytest.fixture
async def client(serve: Serve, services: Services, config: Config) -> AsyncIterator[Client]:
    async with open_external_authentication(config, services) as authentication:
        yield await serve(services=services, tables={"auth": config.auth}, parts={"authentication": authentication})


def token(signer: Certificate, *actions: str, repository: str = "team/app", **claims: Any) -> dict[str, str]:
    """The headers of a token as distribution's specification has it."""
    key = load_pem_private_key(signer.key.read_bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    der = x509.load_pem_x509_certificate(signer.certificate.read_bytes()).public_bytes(Encoding.DER)
    now = int(time.time())
    payload = {
        "iss": "auth.example",
        "sub": "alice@example.com",
        "aud": "registry.example",
        "exp": now + 300,
        "nbf": now,
        "iat": now,
        "jti": "1",
        "access": [{"type": "repository", "name": repository, "actions": list(actions)}],
    }
    headers = {"x5c": [base64.b64encode(der).decode()]}
    return bearer(jwt.encode(payload | claims, key, algorithm="ES256", headers=headers))


async def test_clients_are_sent_to_the_other_token_server_and_ours_is_not_there(client: Client) -> None:
    for path, scope in (("/v2/", ""), ("/v2/team/app/tags/list", ',scope="repository:team/app:pull"')):
        answer = await client.get(path)
        assert answer.refusal == (401, "UNAUTHORIZED")
        assert answer.headers["WWW-Authenticate"] == f'Bearer realm="{REALM}",service="registry.example"{scope}'
    assert (await client.get("/api/v1/repositories/team/app")).headers["WWW-Authenticate"].startswith("Bearer ")
    for method in ("GET", "POST"):
        assert (await client.ask(method, "/token", headers=basic("alice"))).status == 404


async def test_passwords_are_for_the_other_token_server(client: Client) -> None:
    answer = await client.get("/v2/", headers=basic("alice"))

    assert answer.refusal == (401, "UNAUTHORIZED")
    assert answer.document["errors"][0]["message"] == f"this registry takes no passwords; fetch a token at {REALM}"


@pytest.mark.parametrize("sub", ["alice@example.com", ""])
async def test_a_token_is_good_for_what_it_says_whoever_it_names(client: Client, signer: Certificate, sub: str) -> None:
    push, digest = token(signer, "pull", "push", sub=sub), Digest.of(b"a layer")

    begun = await client.ask("POST", "/v2/team/app/blobs/uploads/", headers=push)
    assert begun.status == 202
    location = begun.headers["Location"]
    pushed = await client.ask("PUT", f"{location}&digest={digest}", data=b"a layer", headers=push)
    assert pushed.status == 201

    blob = f"/v2/team/app/blobs/{digest}"
    assert (await client.get(blob, headers=token(signer, "pull", sub=sub))).body == b"a layer"
    assert (await client.get("/v2/", headers=push)).status == 200
    assert (await client.get(blob)).status == 401
    refused = await client.ask("DELETE", blob, headers=push)
    assert refused.status == 401
    assert 'scope="repository:team/app:delete",error="insufficient_scope"' in refused.headers["WWW-Authenticate"]
    assert (await client.get("/v2/team/other/tags/list", headers=push)).status == 401
    assert (await client.get("/api/v1/repositories/team/app", headers=push)).status == 200
    assert (await client.get("/api/v1/repositories/team/other", headers=push)).status == 404
    assert (await client.get("/api/v1/audit", headers=push)).status == 403


async def test_tokens_of_others_and_for_others_are_refused(client: Client, signer: Certificate, tmp_path: Path) -> None:
    theirs = Authority.made_in(tmp_path / "theirs").sign("token-server")
    good = {"iss": "auth.example", "aud": "registry.example"}

    for headers in (
        token(theirs, "pull"),
        *(token(signer, "pull", **good | {claim: "another.example"}) for claim in good),
        token(signer, "pull", exp=int(time.time()) - 100),
        bearer("mrg_p_x"),
    ):
        refused = await client.get("/v2/", headers=headers)
        assert refused.status == 401
        assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


async def test_the_end_of_a_token_is_not_forgiven_half_way_through_a_push(
    client: Client, services: Services, signer: Certificate
) -> None:
    push, earlier = token(signer, "pull", "push"), now() - timedelta(seconds=1000)
    begun = await client.ask("POST", "/v2/team/app/blobs/uploads/", headers=push)
    location = begun.headers["Location"]

    def age(tx: Transaction) -> None:
        upload = tx.uploads.find(location.partition("?")[0].rpartition("/")[2])
        assert upload is not None
        tx.uploads.delete(upload.id, None)
        tx.uploads.create(replace(upload, started_at=earlier))

    await services.database.write(age)
    lapsed = token(signer, "pull", "push", exp=int(time.time()) - 100, iat=int(time.time()) - 400, nbf=0)

    assert (await client.ask("PATCH", location, data=b"a layer", headers=lapsed)).refusal == (401, "UNAUTHORIZED")
    assert (await client.ask("PATCH", location, data=b"a layer", headers=push)).status == 202


def test_a_bundle_that_cannot_be_used_stops_the_start(config: Config, tmp_path: Path) -> None:
    check_keys(config.auth.external)
    flags = {"auth.mode": "external", "auth.external.realm": REALM, "auth.external.jwks_file": "/dev/null"}

    with pytest.raises(LoginSourceUnusable, match=r"auth\.external\.jwks_file: .* it is not JSON"):
        check_keys(load(environment={}, flags=flags).auth.external)
