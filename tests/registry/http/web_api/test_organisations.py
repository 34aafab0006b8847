"""Organisations, their members and teams in the web API; who may do what, tell the services' tests."""

from __future__ import annotations

import pytest

from tests.registry.http.logging_in import ALICE, ROOT, basic
from tests.registry.http.serving import Answer, Client

ORGANISATIONS = "/api/v1/organisations"
TEAM = f"{ORGANISATIONS}/team"


@pytest.fixture(autouse=True)
async def team(guarded: Client) -> None:
    """An organisation that is Alice's."""
    made = await ask(guarded, "POST", ORGANISATIONS, {"name": "team"}, by=ROOT)
    assert (made.status, made.headers["Location"]) == (201, TEAM)
    assert (await ask(guarded, "PUT", f"{TEAM}/members/{ALICE}", {"is_owner": True}, by=ROOT)).status == 204


async def ask(client: Client, method: str, path: str, body: object = None, *, by: str = ALICE) -> Answer:
    return await client.ask(method, path, headers=basic(by), **({} if body is None else {"json": body}))


async def test_an_organisation_is_shown_listed_and_removed(guarded: Client) -> None:
    await ask(guarded, "POST", ORGANISATIONS, {"name": "other"}, by=ROOT)

    shown = (await ask(guarded, "GET", TEAM)).document
    first = (await ask(guarded, "GET", f"{ORGANISATIONS}?limit=1", by=ROOT)).document
    rest = (await ask(guarded, "GET", f"{ORGANISATIONS}?cursor={first['next_cursor']}", by=ROOT)).document

    assert (shown["name"], shown["members"], shown["teams"], shown["repositories"]) == ("team", 1, 0, 0)
    assert [each["name"] for each in first["organisations"] + rest["organisations"]] == ["other", "team"]
    assert rest["next_cursor"] is None
    assert (await ask(guarded, "GET", ORGANISATIONS)).document["organisations"] == [shown]
    assert (await ask(guarded, "GET", f"{ORGANISATIONS}/other")).status == 404
    assert (await ask(guarded, "DELETE", TEAM)).status == 204
    assert (await ask(guarded, "DELETE", TEAM)).status == 404
    assert (await ask(guarded, "POST", ORGANISATIONS, {"name": "alice"}, by=ROOT)).status == 409


async def test_members_come_stay_and_go(guarded: Client) -> None:
    assert (await ask(guarded, "PUT", f"{TEAM}/members/{ROOT}", {"is_owner": False})).status == 204

    page = (await ask(guarded, "GET", f"{TEAM}/members?limit=1")).document
    last = await ask(guarded, "DELETE", f"{TEAM}/members/{ALICE}")

    assert [(each["name"], each["is_owner"]) for each in page["members"]] == [("alice", True)]
    assert page["next_cursor"] is not None
    assert (last.status, last.document["code"]) == (409, "DENIED")
    assert (await ask(guarded, "DELETE", f"{TEAM}/members/{ROOT}")).status == 204
    assert (await ask(guarded, "DELETE", f"{TEAM}/members/{ROOT}")).status == 404
    assert (await ask(guarded, "PUT", f"{TEAM}/members/absent", {"is_owner": False})).status == 404
    assert (await ask(guarded, "PUT", f"{TEAM}/members/{ROOT}", {})).status == 400


async def test_a_team_is_made_filled_and_removed(guarded: Client) -> None:
    made = await ask(guarded, "POST", f"{TEAM}/teams", {"name": "builders"})
    member = f"{TEAM}/teams/builders/members/{ALICE}"

    assert (made.status, made.headers["Location"]) == (201, f"{TEAM}/teams/builders")
    assert (await ask(guarded, "GET", made.headers["Location"])).document == made.document
    assert (await ask(guarded, "PUT", member)).status == 204
    assert (await ask(guarded, "GET", f"{TEAM}/teams/builders/members")).document["members"] == [ALICE]
    assert (await ask(guarded, "GET", f"{TEAM}/teams")).document["teams"] == [made.document]
    assert (await ask(guarded, "DELETE", member)).status == 204
    assert (await ask(guarded, "DELETE", member)).status == 404
    assert (await ask(guarded, "POST", f"{TEAM}/teams", {"name": "builders"})).status == 409
    assert (await ask(guarded, "POST", f"{TEAM}/teams", {"name": "a/b"})).status == 400
    assert (await ask(guarded, "GET", f"{TEAM}/teams/a%2Fb")).status == 400
    assert (await ask(guarded, "DELETE", f"{TEAM}/teams/builders")).status == 204
    assert (await ask(guarded, "GET", f"{TEAM}/teams/builders")).status == 404
