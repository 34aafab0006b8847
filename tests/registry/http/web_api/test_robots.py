"""Robots in the web API, as an owner of their namespace sees to them; what others may, tell the services' tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.secret_text import SecretKind, hash_of, kind_of
from registry.auth.subject import OPERATOR
from registry.services import credentials, organisations, robots
from registry.services.context import Services, now
from tests.registry.http.logging_in import ALICE, basic
from tests.registry.http.serving import Answer, Client
from tests.registry.http.web_api.reading import refused_parameter

ROBOTS = "/api/v1/robots"
CI = AccountName.parse("team+ci")
WRITER = {"repository": "team/*", "role": "writer"}


@pytest.fixture(autouse=True)
async def team(guarded_services: Services) -> None:
    """An organisation that is Alice's."""
    name = AccountName.parse("team")
    await organisations.create(guarded_services, OPERATOR, name)
    await organisations.set_member(guarded_services, OPERATOR, name, AccountName.parse(ALICE), is_owner=True)


async def ask(client: Client, method: str, path: str, body: object = None) -> Answer:
    """What Alice is answered."""
    return await client.ask(method, path, headers=basic(ALICE), **({} if body is None else {"json": body}))


async def test_a_robot_is_made_with_a_secret_that_is_told_once(guarded: Client, guarded_services: Services) -> None:
    wish = {"name": "team+ci", "roles": [WRITER], "token_expires_at": (now() + timedelta(days=1)).isoformat()}

    made = await ask(guarded, "POST", ROBOTS, wish)
    shown = await ask(guarded, "GET", made.headers["Location"])

    assert (made.status, made.headers["Cache-Control"]) == (201, "no-store")
    secret = made.document["token"]
    assert kind_of(secret) is SecretKind.ROBOT
    assert made.headers["Location"] == f"{ROBOTS}/team+ci"
    assert shown.document == {name: value for name, value in made.document.items() if name != "token"}
    assert shown.document["roles"] == [WRITER]
    [token] = await credentials.listing(guarded_services, OPERATOR, CI)
    assert token.hash == hash_of(secret)
    assert (await ask(guarded, "GET", f"{ROBOTS}/team%2Bci")).document == shown.document


async def test_a_robot_may_have_neither_role_nor_token(guarded: Client) -> None:
    made = await ask(guarded, "POST", ROBOTS, {"name": "team+ci", "with_token": False})

    assert (made.document["roles"], made.document["token"]) == ([], None)


async def test_robots_are_listed_a_page_at_a_time(guarded: Client, guarded_services: Services) -> None:
    for name in ("team+a", "team+b", "team+c"):
        await robots.create(guarded_services, OPERATOR, AccountName.parse(name))

    first = await ask(guarded, "GET", f"{ROBOTS}?namespace=team&limit=2")
    second = await ask(guarded, "GET", f"{ROBOTS}?namespace=team&limit=2&cursor={first.document['next_cursor']}")

    assert [each["name"] for each in first.document["robots"]] == ["team+a", "team+b"]
    assert first.headers["Link"].endswith('rel="next"')
    assert [each["name"] for each in second.document["robots"]] == ["team+c"]
    assert second.document["next_cursor"] is None
    assert (await ask(guarded, "GET", f"{ROBOTS}?limit=9")).document["robots"][2]["name"] == "team+c"


async def test_a_robot_is_disabled_enabled_and_removed(guarded: Client, guarded_services: Services) -> None:
    await robots.create(guarded_services, OPERATOR, CI)

    for is_disabled in (True, False):
        assert (await ask(guarded, "PATCH", f"{ROBOTS}/team+ci", {"is_disabled": is_disabled})).status == 204
        assert (await ask(guarded, "GET", f"{ROBOTS}/team+ci")).document["is_disabled"] is is_disabled
    assert (await ask(guarded, "DELETE", f"{ROBOTS}/team+ci")).status == 204

    gone = await ask(guarded, "DELETE", f"{ROBOTS}/team+ci")
    assert (gone.status, gone.document["code"]) == (404, "NAME_UNKNOWN")


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"name": "ci"}, 400),
        ({"name": "Team+ci"}, 400),
        ({"name": "team+ci", "roles": [{"repository": "*/app", "role": "writer"}]}, 400),
        ({"name": "team+ci", "roles": [{"repository": "team/*", "role": "king"}]}, 400),
        ({"name": "team+ci", "roles": [WRITER] * (limits.ROBOT_ROLES + 1)}, 400),
        ({"name": "team+ci", "password": "x"}, 400),
        ({"name": "nobodys+ci"}, 404),
        ({"name": "team+ci", "roles": [{"repository": "nobodys/*", "role": "writer"}]}, 403),
    ],
)
async def test_a_robot_that_makes_no_sense_is_refused(guarded: Client, wish: dict[str, Any], status: int) -> None:
    answer = await ask(guarded, "POST", ROBOTS, wish)

    assert (answer.status, "mrg_" in answer.body.decode()) == (status, False)


async def test_a_namespace_that_is_none_is_named_or_not_found(guarded: Client) -> None:
    assert refused_parameter(await ask(guarded, "GET", f"{ROBOTS}?namespace=A"))[0] == "namespace"
    assert (await ask(guarded, "GET", f"{ROBOTS}?namespace=-a")).status == 400
    assert (await ask(guarded, "GET", f"{ROBOTS}?namespace=nobodys")).status == 404
