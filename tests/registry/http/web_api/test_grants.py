"""Grants in the web API, while nobody has to log in; who may give them, tell the services' tests."""

from __future__ import annotations

import pytest

from registry.auth.account_name import AccountName
from registry.auth.subject import OPERATOR
from registry.http.web_api import cursors
from registry.services import accounts
from registry.services.context import Services
from tests.registry.http.serving import Client
from tests.registry.http.web_api.reading import refused_parameter
from tests.registry.pushing import Pusher

REPOSITORY = "/api/v1/repositories/team/app"
GRANT = "/api/v1/grants/alice/team%2Fa*"


@pytest.fixture(autouse=True)
async def alice(http_services: Services) -> None:
    await accounts.add(http_services, OPERATOR, AccountName.parse("alice"), None)
    await Pusher.to(http_services, "team/app").index("1", manifests=[])


async def test_a_role_is_granted_changed_shown_and_taken_back(client: Client) -> None:
    for role in ("writer", "maintainer"):
        assert (await client.ask("PUT", GRANT, json={"role": role})).status == 204

    [granted] = (await client.get("/api/v1/grants/alice")).document["grants"]
    shown = (await client.get(f"{REPOSITORY}/grants")).document

    assert (granted["repository"], granted["role"], granted["created_by"]) == ("team/a*", "maintainer", "anonymous")
    source = {"role": "maintainer", "repository": "team/a*", "team": None}
    assert (shown["repository"], shown["visibility"]) == ("team/app", "private")
    assert shown["roles"] == [{"name": "alice", "role": "maintainer", "sources": [source]}]
    assert (await client.ask("DELETE", GRANT)).status == 204
    assert (await client.ask("DELETE", GRANT)).status == 404
    assert (await client.get("/api/v1/grants/alice")).document == {
        "name": "alice",
        "grants": [],
        "next_cursor": None,
    }


async def test_what_was_granted_comes_in_pages(client: Client) -> None:
    names = ["team/a*", "team/app", "team/b", "team/c"]
    for name in names:
        path = f"/api/v1/grants/alice/{name.replace('/', '%2F')}"
        assert (await client.ask("PUT", path, json={"role": "reader"})).status == 204

    first = await client.get("/api/v1/grants/alice?limit=3")
    second = await client.get(f"/api/v1/grants/alice?limit=3&cursor={first.document['next_cursor']}")

    pages = [[grant["repository"] for grant in page.document["grants"]] for page in (first, second)]
    assert pages == [names[:3], names[3:]]
    assert f"cursor={first.document['next_cursor']}" in first.headers["Link"]
    assert second.document["next_cursor"] is None
    for cursor in (cursors.write_name("Team/.."), cursors.write_number(1), "x"):
        assert refused_parameter(await client.get(f"/api/v1/grants/alice?cursor={cursor}"))[0] == "cursor"


async def test_the_roles_in_a_repository_come_in_pages(client: Client, http_services: Services) -> None:
    await accounts.add(http_services, OPERATOR, AccountName.parse("bob"), None)
    for name in ("alice", "bob"):
        assert (await client.ask("PUT", f"/api/v1/grants/{name}/team%2Fapp", json={"role": "reader"})).status == 204

    first = (await client.get(f"{REPOSITORY}/grants?limit=1")).document
    second = (await client.get(f"{REPOSITORY}/grants?limit=1&cursor={first['next_cursor']}")).document

    assert [[role["name"] for role in page["roles"]] for page in (first, second)] == [["alice"], ["bob"]]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (GRANT, {"role": "king"}, 400),
        (GRANT, {}, 400),
        (GRANT, {"role": "reader", "until": "ever"}, 400),
        ("/api/v1/grants/Alice/team%2Fa*", {"role": "reader"}, 400),
        ("/api/v1/grants/alice/te*m%2Fapp", {"role": "reader"}, 400),
        ("/api/v1/grants/alice/%2E%2E%2Fapp", {"role": "reader"}, 400),
        ("/api/v1/grants/absent/team%2Fa*", {"role": "reader"}, 404),
        ("/api/v1/grants/alice/nobodys%2Fa*", {"role": "reader"}, 403),
    ],
)
async def test_a_grant_that_makes_no_sense_is_refused(client: Client, path: str, body: object, status: int) -> None:
    assert (await client.ask("PUT", path, json=body)).status == status


async def test_a_repository_gets_another_owner(client: Client) -> None:
    assert (await client.ask("PUT", f"{REPOSITORY}/owner", json={"owner": "alice"})).status == 204

    [holder] = (await client.get(f"{REPOSITORY}/grants")).document["roles"]

    assert (holder["name"], holder["role"]) == ("alice", "owner")
    assert (await client.ask("PUT", f"{REPOSITORY}/owner", json={"owner": "absent"})).status == 404
    assert (await client.ask("PUT", f"{REPOSITORY}/owner", json={"owner": "A"})).status == 400
