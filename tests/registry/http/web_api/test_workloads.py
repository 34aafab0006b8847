"""The workloads that robots trust, in the web API; what comes of it, tell the tests of the token exchange."""

from __future__ import annotations

from typing import Any

import pytest

from registry.auth.account_name import AccountName
from registry.auth.scope import EVERYTHING
from registry.auth.subject import OPERATOR
from registry.services import credentials, organisations, robots
from registry.services.context import Services
from tests.registry.http.logging_in import ALICE, ROOT, basic
from tests.registry.http.serving import Answer, Client
from tests.registry.http.web_api.reading import refused_parameter

PATH = "/api/v1/robots/team+ci/workloads"
GITHUB = {
    "issuer": "https://token.actions.githubusercontent.com",
    "audience": "registry.example.com",
    "claims": {"sub": "repo:team/app:*", "environment": "production"},
}


@pytest.fixture(autouse=True)
async def robot(guarded_services: Services) -> None:
    """A robot in an organisation that is Alice's."""
    name = AccountName.parse("team")
    await organisations.create(guarded_services, OPERATOR, name)
    await organisations.set_member(guarded_services, OPERATOR, name, AccountName.parse(ALICE), is_owner=True)
    await robots.create(guarded_services, OPERATOR, AccountName.parse("team+ci"))


async def ask(client: Client, method: str, path: str = PATH, body: object = None, *, who: str = ALICE) -> Answer:
    return await client.ask(method, path, headers=basic(who), **({} if body is None else {"json": body}))


async def test_a_workload_is_trusted_listed_and_trusted_no_more(guarded: Client) -> None:
    made = await ask(guarded, "POST", body=GITHUB)

    assert (made.status, made.headers["Location"]) == (201, f"{PATH}/{made.document['id']}")
    assert {name: made.document[name] for name in GITHUB} == GITHUB
    assert made.document["created_by"] == f"user:{ALICE}"
    assert (await ask(guarded, "GET")).document == {"robot": "team+ci", "workloads": [made.document]}

    assert (await ask(guarded, "DELETE", made.headers["Location"])).status == 204
    assert (await ask(guarded, "GET")).document["workloads"] == []
    assert (await ask(guarded, "DELETE", made.headers["Location"])).status == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "http://issuer.example"},
        {"claims": {}},
        {"claims": {"sub": "*"}},
        {"claims": {"sub": "repo:team/app*"}},
        {"claims": {"": "x"}},
        {"audience": ""},
    ],
    ids=str,
)
async def test_what_would_trust_more_than_is_meant_is_refused(guarded: Client, changes: dict[str, Any]) -> None:
    answer = await ask(guarded, "POST", body={**GITHUB, **changes})

    assert answer.status == 400
    assert (await ask(guarded, "GET")).document["workloads"] == []


async def test_a_number_that_is_none_is_refused(guarded: Client) -> None:
    assert refused_parameter(await ask(guarded, "DELETE", f"{PATH}/x"))[0] == "id"


async def test_nobody_else_learns_of_it_and_no_token_makes_a_way_in(
    guarded: Client, guarded_services: Services
) -> None:
    assert (await ask(guarded, "GET", "/api/v1/robots/alice+ci/workloads", who=ROOT)).status == 404
    secret, _ = await credentials.create(
        guarded_services, OPERATOR, AccountName.parse(ALICE), name="laptop", scope=EVERYTHING, expires_at=None
    )

    by_token = await guarded.ask("POST", PATH, headers=basic(ALICE, secret), json=GITHUB)

    assert by_token.status == 403
    assert (await ask(guarded, "GET")).document["workloads"] == []
