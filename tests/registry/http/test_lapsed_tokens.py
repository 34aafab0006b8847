"""A push that began with a valid token finishes although the token expires, and nobody gets in by that."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_MANIFEST
from oci_spec.reference import RepositoryName
from registry import limits
from registry.app.authentication import open_authentication
from registry.auth.account_name import AccountName
from registry.auth.grantee import Grantee
from registry.auth.pattern import RepositoryPattern
from registry.auth.roles import Role
from registry.auth.rules import RulesPolicy
from registry.auth.scope import EVERYTHING
from registry.auth.secret_text import SecretKind
from registry.auth.subject import OPERATOR, Proof, Subject, SubjectKind
from registry.auth.token_scope import TokenScope
from registry.auth.tokens import Tokens
from registry.config import Config
from registry.config.schema import Auth
from registry.metadata.account_rows import Account, NewCredential
from registry.services import accounts, grants, signing
from registry.services.context import Services, now
from registry.services.signing import OldKeys
from tests.registry.assembly import open_services
from tests.registry.http.serving import Answer, Client, Serve
from tests.registry.http.upload_requests import CONTENT, closing

CONFIG = Config(auth=Auth(mode="token"))
APP = RepositoryName.parse("alice/app")
OF_APP = RepositoryPattern.parse("alice/app")
UPLOADS = "/v2/alice/app/blobs/uploads/"
ALICE, BOB = AccountName.parse("alice"), AccountName.parse("bob")
PUSH = frozenset({"pull", "push"})
REFUSED = (401, "UNAUTHORIZED")
# The push began this long ago, with a token made shortly before, which has expired since.
BEGAN_AGO_S = 1000
LIFETIME_S = CONFIG.auth.token_lifetime_s


@pytest.fixture
async def services(storage_root: Path, sqlite_url: str) -> AsyncIterator[Services]:
    """Alice with a namespace of her own, and Bob, who may push there as well."""
    async with open_services(storage_root, sqlite_url) as opened:
        opened.policy = RulesPolicy(opened.database, anonymous_pull=True)
        for name in (ALICE, BOB):
            await accounts.add(opened, OPERATOR, name, "hash")
        await grants.put(opened, OPERATOR, Grantee(BOB), Role.WRITER, pattern=OF_APP)
        yield opened


@pytest.fixture
async def client(serve: Serve, services: Services) -> AsyncIterator[Client]:
    async with open_authentication(lambda: CONFIG, services) as (authentication, server):
        parts = {"authentication": authentication, "token_server": server}
        yield await serve(services=services, tables={"auth": CONFIG.auth}, parts=parts)


async def account_of(services: Services, name: AccountName) -> Account:
    found = await services.database.lookups.account_by_name(str(name))
    assert found is not None
    return found


async def token(
    services: Services,
    name: AccountName = ALICE,
    *,
    ago_s: float = BEGAN_AGO_S + 10,
    actions: frozenset[str] = PUSH,
    credential_id: int | None = None,
    **issuing: Any,
) -> dict[str, str]:
    """The header with a token that was made `ago_s` seconds ago."""
    account = await account_of(services, name)
    subject = Subject(SubjectKind.USER, str(name), account.id, Proof("password", account.generation, credential_id))
    names = {"issuer": str(CONFIG.auth.issuer), "service": str(CONFIG.auth.service), **issuing}
    tokens = Tokens(services.signing_keys, lifetime_s=LIFETIME_S, clock=lambda: time.time() - ago_s, **names)
    issued = await tokens.issue(subject, [TokenScope(APP, actions)])
    return {"Authorization": f"Bearer {issued.text}"}


async def begin(client: Client, services: Services, name: AccountName = ALICE, *, ago_s: float = BEGAN_AGO_S) -> str:
    """The Location of an upload that the account began `ago_s` seconds ago."""
    answer = await client.ask("POST", UPLOADS, headers=await token(services, name, ago_s=0))
    assert answer.status == 202
    upload = await services.database.lookups.upload(answer.headers["Docker-Upload-UUID"])
    assert upload is not None
    older = replace(upload, started_at=upload.started_at - timedelta(seconds=ago_s))
    assert await services.database.write(lambda tx: tx.uploads.delete(upload.id, None))
    await services.database.write(lambda tx: tx.uploads.create(older))
    return answer.headers["Location"]


def without_state(location: str) -> str:
    return location.partition("?")[0]


def refused(answer: Answer) -> bool:
    """Whether the answer makes a client fetch another token, and says no more."""
    challenge = answer.headers["WWW-Authenticate"]
    return answer.refusal == REFUSED and 'scope="repository:alice/app:pull,push",error="invalid_token"' in challenge


async def test_a_push_finishes_although_its_token_expired_half_way(client: Client, services: Services) -> None:
    lapsed = await token(services)
    location = await begin(client, services)

    added = await client.ask("PATCH", location, data=CONTENT, headers=lapsed)
    asked = await client.get(added.headers["Location"], headers=lapsed)
    again = await client.ask("PATCH", asked.headers["Location"], data=CONTENT, headers=lapsed)
    whole = Digest.of(CONTENT * 2)
    closed = await client.ask("PUT", closing(again.headers["Location"], whole), headers=lapsed)

    assert [answer.status for answer in (added, asked, again, closed)] == [202, 204, 202, 201]
    fresh = await token(services, ago_s=0)
    assert (await client.get(f"/v2/alice/app/blobs/{whole}", headers=fresh)).body == CONTENT * 2
    assert (await client.get(f"/v2/alice/app/blobs/{whole}", headers=lapsed)).refusal == REFUSED


async def test_a_push_is_cancelled_although_its_token_expired(client: Client, services: Services) -> None:
    location = await begin(client, services)

    assert (await client.ask("DELETE", location, headers=await token(services))).status == 204


async def test_a_token_fetched_half_way_may_expire_as_well(client: Client, services: Services) -> None:
    location = await begin(client, services)
    fetched_later = await token(services, ago_s=BEGAN_AGO_S - LIFETIME_S)

    assert (await client.ask("PATCH", location, data=CONTENT, headers=fetched_later)).status == 202


@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
async def test_without_the_state_of_its_location_an_expired_token_is_refused(
    client: Client, services: Services, method: str
) -> None:
    location = without_state(await begin(client, services))

    assert refused(await client.ask(method, location, headers=await token(services)))


async def test_a_forged_state_is_refused(client: Client, services: Services) -> None:
    location, other = await begin(client, services), await begin(client, services)
    path, _, state = location.partition("?_state=")
    forgeries = [
        state[:-1],
        ("B" if state[0] == "A" else "A") + state[1:],
        other.partition("?_state=")[2],
        "A" * len(state),
        "",
        # As everywhere, the last one counts.
        f"{state}&_state={'A' * len(state)}",
    ]
    lapsed = await token(services)

    for forged in forgeries:
        assert refused(await client.ask("PATCH", f"{path}?_state={forged}", data=CONTENT, headers=lapsed)), forged


async def test_a_location_is_good_in_its_own_repository_only(client: Client, services: Services) -> None:
    location = (await begin(client, services)).replace("/alice/app/", "/alice/other/")

    answer = await client.ask("PATCH", location, data=CONTENT, headers=await token(services))

    assert answer.refusal == REFUSED


async def test_a_stolen_location_opens_nothing_without_a_token(client: Client, services: Services) -> None:
    location = await begin(client, services)

    for method in ("GET", "PATCH", "PUT", "DELETE"):
        assert (await client.ask(method, location)).refusal == REFUSED


async def test_a_stolen_location_opens_nothing_with_somebody_else_s_token(client: Client, services: Services) -> None:
    location = await begin(client, services)
    valid, lapsed = await token(services, BOB, ago_s=0), await token(services, BOB)

    for method in ("GET", "PATCH", "PUT", "DELETE"):
        url = closing(location, Digest.of(b"")) if method == "PUT" else location
        assert refused(await client.ask(method, url, headers=lapsed))
        assert (await client.ask(method, url, headers=valid)).refusal == (404, "BLOB_UPLOAD_UNKNOWN")


@pytest.mark.parametrize(
    "wrong",
    [
        {"service": "another"},
        {"issuer": "another"},
        # It was over when the push began.
        {"ago_s": BEGAN_AGO_S + LIFETIME_S + limits.TOKEN_SKEW_S + 600},
    ],
    ids=str,
)
async def test_a_token_that_was_never_good_for_this_push_is_refused(
    client: Client, services: Services, wrong: dict[str, Any]
) -> None:
    location = await begin(client, services)

    assert refused(await client.ask("PATCH", location, data=CONTENT, headers=await token(services, **wrong)))


async def test_an_altered_token_is_refused(client: Client, services: Services) -> None:
    location = await begin(client, services)
    good = (await token(services))["Authorization"]
    # Not the last character, of which some bits mean nothing.
    altered = {"Authorization": good[:-5] + ("B" if good[-5] == "A" else "A") + good[-4:]}

    assert refused(await client.ask("PATCH", location, data=CONTENT, headers=altered))


async def test_a_push_does_not_go_on_for_ever(client: Client, services: Services) -> None:
    ago_s = limits.LAPSED_TOKEN_S + LIFETIME_S + limits.TOKEN_SKEW_S
    location = await begin(client, services, ago_s=ago_s + 3600)

    almost = await client.ask("GET", location, headers=await token(services, ago_s=ago_s - 60))
    too_long = await client.ask("GET", location, headers=await token(services, ago_s=ago_s + 5))

    assert almost.status == 204
    assert refused(too_long)


async def test_where_no_upload_goes_on_an_expired_token_is_refused(client: Client, services: Services) -> None:
    location = await begin(client, services)
    query = location.partition("?")[2]
    lapsed = await token(services)

    begun = await client.ask("POST", f"{UPLOADS}?{query}", headers=lapsed)
    manifest = await client.ask(
        "PUT", f"/v2/alice/app/manifests/1?{query}", data=b"{}", headers={**lapsed, "Content-Type": OCI_MANIFEST}
    )
    listed = await client.get(f"/api/v1/repositories?{query}", headers=lapsed)
    await client.ask("DELETE", location, headers=lapsed)
    over = await client.ask("GET", location, headers=lapsed)

    assert [answer.status for answer in (begun, manifest, listed, over)] == [401] * 4


async def disable(services: Services) -> None:
    alice = await account_of(services, ALICE)
    await services.database.write(lambda tx: tx.accounts.disable(alice.id))


async def change_password(services: Services) -> None:
    alice = await account_of(services, ALICE)
    await services.database.write(lambda tx: tx.accounts.set_password(alice.id, "another hash"))


async def remove(services: Services) -> None:
    await accounts.remove(services, OPERATOR, ALICE)
    await accounts.add(services, OPERATOR, ALICE, "of somebody else by the same name")


@pytest.mark.parametrize("end", [disable, change_password, remove], ids=lambda end: end.__name__)
async def test_an_account_that_no_longer_counts_ends_its_pushes(
    client: Client, services: Services, end: Callable[[Services], Awaitable[None]]
) -> None:
    location, lapsed = await begin(client, services), await token(services)
    assert (await client.get(location, headers=lapsed)).status == 204

    await end(services)

    assert refused(await client.ask("PATCH", location, data=CONTENT, headers=lapsed))


async def test_a_revoked_credential_ends_the_pushes_that_began_with_it(client: Client, services: Services) -> None:
    alice = await account_of(services, ALICE)
    new = NewCredential(
        account_id=alice.id,
        kind=SecretKind.PERSONAL,
        name="laptop",
        hash=bytes(32),
        scope=str(EVERYTHING),
        generation=alice.generation,
        created_at=now(),
        created_by="user:alice",
        expires_at=None,
    )
    made = await services.database.write(lambda tx: tx.credentials.make(new))
    location, lapsed = await begin(client, services), await token(services, credential_id=made.id)
    assert (await client.get(location, headers=lapsed)).status == 204

    await services.database.write(lambda tx: tx.credentials.revoke(alice.id, made.id, now()))

    assert refused(await client.ask("PATCH", location, data=CONTENT, headers=lapsed))


async def test_a_permission_that_was_taken_away_ends_the_pushes_that_it_allowed(
    client: Client, services: Services
) -> None:
    location, lapsed = await begin(client, services, BOB), await token(services, BOB)
    assert (await client.get(location, headers=lapsed)).status == 204

    await grants.remove(services, OPERATOR, Grantee(BOB), OF_APP)

    answer = await client.ask("PATCH", location, data=CONTENT, headers=lapsed)
    assert answer.refusal == REFUSED
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


async def test_a_token_that_grants_no_push_goes_on_with_none(client: Client, services: Services) -> None:
    location, to_pull = await begin(client, services), await token(services, actions=frozenset({"pull"}))

    answer = await client.ask("PATCH", location, data=CONTENT, headers=to_pull)

    assert answer.refusal == REFUSED
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


async def test_keys_that_are_refused_end_the_pushes_whose_tokens_they_signed(
    client: Client, services: Services
) -> None:
    location, lapsed = await begin(client, services), await token(services)
    assert (await client.get(location, headers=lapsed)).status == 204

    await signing.rotate(services, OPERATOR, OldKeys.REFUSED)

    assert refused(await client.ask("PATCH", location, data=CONTENT, headers=lapsed))
