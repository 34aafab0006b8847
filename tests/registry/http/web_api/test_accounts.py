"""Accounts and tokens in the web API: by people themselves, by administrators, and by those who should not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from registry.http.web_api.operations import OPERATIONS
from registry.metadata.audit_values import AuditSearch
from registry.observability.access_log import AccessLog
from registry.services import audit
from registry.services.context import Services
from tests.registry.http.logging_in import ALICE, PASSWORD, ROOT, basic, bearer
from tests.registry.http.serving import Answer, Client
from tests.registry.http.web_api.reading import refused_parameter

ME = "/api/v1/account"
ACCOUNTS = "/api/v1/accounts"
TOKENS = f"{ACCOUNTS}/{ALICE}/tokens"
NEW_PASSWORD = "a different battery"


async def post(client: Client, path: str, body: dict[str, Any], name: str = ROOT) -> Answer:
    return await client.ask("POST", path, json=body, headers=basic(name))


async def a_token(client: Client, name: str = ALICE, **wishes: Any) -> dict[str, Any]:
    """A token of `name` that was made just now, as it was answered."""
    made = await post(client, f"{ACCOUNTS}/{name}/tokens", {"name": "laptop", **wishes}, name)
    assert made.status == 201, made.body
    document: dict[str, Any] = made.document
    return document


async def test_everybody_learns_who_they_are_and_with_what(guarded: Client) -> None:
    whole = await a_token(guarded)
    narrow = await a_token(guarded, actions=["pull"], repositories=["alice/*"])
    granted = await guarded.get("/token", headers=basic(ALICE))

    by_password = (await guarded.get(ME, headers=basic(ALICE))).document
    by_token = (await guarded.get(ME, headers=bearer(whole["token"]))).document
    by_narrow = (await guarded.get(ME, headers=basic(ALICE, narrow["token"]))).document
    by_bearer = (await guarded.get(ME, headers=bearer(granted.document["token"]))).document
    refused = await guarded.get(ME)

    namespaces = [{"name": ALICE, "kind": "user", "is_owner": True}]
    assert (by_password["kind"], by_password["name"], by_password["is_admin"]) == ("user", ALICE, False)
    assert by_password["namespaces"] == by_token["namespaces"] == namespaces
    assert (by_password["credential"]["kind"], by_password["credential"]["id"]) == ("password", None)
    assert (by_token["credential"]["kind"], by_token["credential"]["id"]) == ("personal", whole["id"])
    assert (by_narrow["credential"]["actions"], by_narrow["credential"]["repositories"]) == (["pull"], ["alice/*"])
    assert (by_narrow["namespaces"], by_bearer["namespaces"]) == (None, None)
    assert (by_bearer["name"], by_bearer["credential"]["kind"], by_bearer["credential"]["actions"]) == (
        ALICE,
        "bearer",
        None,
    )
    assert (await guarded.get(ME, headers=basic(ROOT))).document["is_admin"]
    assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, 'Basic realm="registry"')


async def test_an_account_is_made_with_a_password_that_is_told_once(guarded: Client) -> None:
    made = await post(guarded, ACCOUNTS, {"name": "bob"})

    assert (made.status, made.headers["Location"]) == (201, f"{ACCOUNTS}/bob")
    assert made.headers["Cache-Control"] == "no-store"
    password = made.document["password"]
    shown = await guarded.get(f"{ACCOUNTS}/bob", headers=basic("bob", password))
    assert shown.document == {
        "name": "bob",
        "kind": "user",
        "source": "local",
        "is_admin": False,
        "is_disabled": False,
        "created_at": made.document["created_at"],
        "created_by": "user:root",
        "expires_at": None,
        "last_login_at": shown.document["last_login_at"],
    }
    given = await post(guarded, ACCOUNTS, {"name": "carol", "password": NEW_PASSWORD, "is_admin": True})
    assert (given.document["password"], given.document["is_admin"]) == (None, True)
    again = await post(guarded, ACCOUNTS, {"name": "bob"})
    assert (again.status, again.document["code"]) == (409, "NAME_INVALID")


async def test_all_accounts_are_listed_by_name_in_pages(guarded: Client) -> None:
    names, path = [], f"{ACCOUNTS}?limit=1"
    while path:
        page = await guarded.get(path, headers=basic(ROOT))
        names += [each["name"] for each in page.document["accounts"]]
        path = page.headers.get("Link", "").partition(">")[0].removeprefix("<")

    assert names == [ALICE, ROOT]
    found = await guarded.get(f"{ACCOUNTS}?q=OO", headers=basic(ROOT))
    assert [each["name"] for each in found.document["accounts"]] == [ROOT]
    assert refused_parameter(await guarded.get(f"{ACCOUNTS}?cursor=MQ", headers=basic(ROOT)))[0] == "cursor"


async def test_an_account_is_changed_and_removed(guarded: Client) -> None:
    path = f"{ACCOUNTS}/{ALICE}"

    async def change(**fields: bool) -> int:
        return (await guarded.ask("PATCH", path, json=fields, headers=basic(ROOT))).status

    assert await change(is_admin=True) == 204
    assert (await guarded.get(ACCOUNTS, headers=basic(ALICE))).status == 200
    assert await change(is_admin=False, is_disabled=True) == 204
    assert (await guarded.get(ME, headers=basic(ALICE))).status == 401
    assert await change(is_disabled=False) == 204
    assert (await guarded.get(ME, headers=basic(ALICE))).status == 200
    last = await guarded.ask("PATCH", f"{ACCOUNTS}/{ROOT}", json={"is_disabled": True}, headers=basic(ROOT))
    assert (last.status, last.document["code"]) == (409, "DENIED")
    assert (await guarded.ask("DELETE", path, headers=basic(ROOT))).status == 204
    assert (await guarded.get(path, headers=basic(ROOT))).status == 404


async def test_people_replace_their_password_with_the_present_one(guarded: Client) -> None:
    path, token = f"{ACCOUNTS}/{ALICE}/password", (await a_token(guarded))["token"]
    body = {"password": NEW_PASSWORD}

    by_token = [
        await guarded.ask("PUT", path, json=body, headers=each) for each in (bearer(token), basic(ALICE, token))
    ]
    by_guess = await guarded.ask("PUT", path, json=body, headers=basic(ALICE, "guess"))
    done = await guarded.ask("PUT", path, json=body, headers=basic(ALICE))

    assert [answer.status for answer in by_token] == [403, 403]
    assert "needs a name and a password" in by_token[0].document["detail"]
    assert (by_guess.status, done.status, done.body) == (401, 204, b"")
    assert (await guarded.get(ME, headers=basic(ALICE))).status == 401
    assert (await guarded.get(ME, headers=basic(ALICE, NEW_PASSWORD))).status == 200
    # A token is made to be used without the password, and is revoked by itself.
    assert (await guarded.get(ME, headers=bearer(token))).status == 200


async def test_a_token_is_told_once_listed_and_revoked(guarded: Client) -> None:
    expires_at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    made = await post(guarded, TOKENS, {"name": "ci", "actions": ["push", "pull"], "expires_at": expires_at}, ALICE)
    secret, path = made.document["token"], f"{TOKENS}/{made.document['id']}"

    listed = await guarded.get(TOKENS, headers=basic(ALICE))
    revoked = await guarded.ask("DELETE", path, headers=basic(ALICE))

    assert (made.status, made.headers["Cache-Control"]) == (201, "no-store")
    assert secret.encode() not in listed.body
    [shown] = listed.document["tokens"]
    assert (listed.document["account"], shown["actions"], shown["repositories"]) == (ALICE, ["pull", "push"], ["*"])
    assert datetime.fromisoformat(shown["expires_at"]) == datetime.fromisoformat(expires_at)
    assert (revoked.status, (await guarded.get(ME, headers=bearer(secret))).status) == (204, 401)
    again = await guarded.ask("DELETE", path, headers=basic(ALICE))
    assert (again.status, again.document["code"]) == (404, "NAME_UNKNOWN")


async def test_a_token_revokes_itself_and_makes_no_other(guarded: Client) -> None:
    made = await a_token(guarded)
    by_token = bearer(made["token"])

    refused = await guarded.ask("POST", TOKENS, json={"name": "heir"}, headers=by_token)
    listed = await guarded.get(TOKENS, headers=by_token)
    revoked = await guarded.ask("DELETE", f"{TOKENS}/{made['id']}", headers=by_token)

    assert [answer.status for answer in (refused, listed, revoked)] == [403, 200, 204]
    assert (await guarded.get(TOKENS, headers=by_token)).status == 401


async def test_an_administrators_token_gives_nobody_a_way_in(guarded: Client) -> None:
    by_token = bearer((await a_token(guarded, ROOT))["token"])
    giving: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", ACCOUNTS, {"name": "mallory", "is_admin": True}),
        ("PATCH", f"{ACCOUNTS}/{ALICE}", {"is_admin": True}),
        ("PATCH", f"{ACCOUNTS}/{ALICE}", {"is_disabled": False}),
        ("PUT", f"{ACCOUNTS}/{ALICE}/password", {"password": NEW_PASSWORD}),
        ("POST", TOKENS, {"name": "mine"}),
    ]

    for method, path, body in giving:
        answer = await guarded.ask(method, path, json=body, headers=by_token)
        assert (answer.status, answer.document["code"]) == (403, "DENIED"), (method, path)

    assert (await guarded.get(ACCOUNTS, headers=by_token)).status == 200
    assert (await guarded.get(TOKENS, headers=basic(ALICE))).document["tokens"] == []


@pytest.mark.parametrize("other", [ROOT, "nobody", "alice+nobody"])
async def test_who_else_there_is_is_not_told(guarded: Client, other: str) -> None:
    path = f"{ACCOUNTS}/{other}"
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", path, {}),
        ("PUT", f"{path}/password", {"json": {"password": NEW_PASSWORD}}),
        ("GET", f"{path}/tokens", {}),
        ("POST", f"{path}/tokens", {"json": {"name": "mine"}}),
        ("DELETE", f"{path}/tokens/1", {}),
    ]

    for method, url, options in asked:
        assert (await guarded.ask(method, url, **options)).status == 401
        refused = await guarded.ask(method, url, **options, headers=basic(ALICE))
        assert (refused.status, refused.document["code"]) == (404, "NAME_UNKNOWN"), (method, url)
    for method in ("PATCH", "DELETE"):
        answer = await guarded.ask(method, path, json={}, headers=basic(ALICE))
        assert (answer.status, answer.document["detail"]) == (403, "this is not allowed")
    assert (await guarded.get(ACCOUNTS, headers=basic(ALICE))).status == 403


WISHES: list[tuple[str, dict[str, Any], str]] = [
    (ACCOUNTS, {"name": "Bob"}, "no account's name"),
    (ACCOUNTS, {"name": "team+ci"}, "no account's name"),
    (ACCOUNTS, {"name": "bob", "password": "hunter2"}, "length >= 8"),
    (ACCOUNTS, {"name": "bob", "password": "hunter2\n2"}, "control characters"),
    (ACCOUNTS, {"name": "bob", "password": "hunter2" * 200}, "1024 bytes"),
    (ACCOUNTS, {"name": "bob", "password": 5}, "Expected `str | null`"),
    (ACCOUNTS, {"name": "longname", "password": "longname"}, "is the name"),
    (ACCOUNTS, {"name": "bob", "admin": True}, "unknown field"),
    (f"{ACCOUNTS}/{ROOT}/tokens", {}, "missing required field `name`"),
    (f"{ACCOUNTS}/{ROOT}/tokens", {"name": "a" * 65}, "length <= 64"),
    (f"{ACCOUNTS}/{ROOT}/tokens", {"name": "a\x7f"}, "printable"),
    (f"{ACCOUNTS}/{ROOT}/tokens", {"name": "a", "actions": []}, "length >= 1"),
    (f"{ACCOUNTS}/{ROOT}/tokens", {"name": "a", "actions": ["administer"]}, "Invalid enum value"),
    (f"{ACCOUNTS}/{ROOT}/tokens", {"name": "a", "repositories": ["a/*"] * 33}, "length <= 32"),
    (f"{ACCOUNTS}/{ROOT}/tokens", {"name": "a", "repositories": ["*/a"]}, "no pattern"),
    (f"{ACCOUNTS}/{ROOT}/tokens", {"name": "a", "expires_at": "2020-01-01T00:00:00Z"}, "expired already"),
    (f"{ACCOUNTS}/{ROOT}/tokens", {"name": "a", "expires_at": "9999-01-01T00:00:00Z"}, "3650 days"),
    (f"{ACCOUNTS}/{ROOT}/tokens", {"name": "a", "expires_at": "2030-01-01T00:00:00"}, "timezone"),
]


async def test_a_wish_that_cannot_be_met_is_told_why_and_not_repeated(guarded: Client) -> None:
    for path, body, expected in WISHES:
        answer = await post(guarded, path, body)

        assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json"), body
        assert expected in answer.document["detail"]
        assert b"hunter2" not in answer.body


async def test_no_secret_reaches_a_log(
    guarded: Client,
    guarded_services: Services,
    access_log: Path,
    log: AccessLog,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("DEBUG")
    token = (await a_token(guarded))["token"]
    made_up = (await post(guarded, ACCOUNTS, {"name": "bob"})).document["password"]
    await guarded.ask("PUT", f"{ACCOUNTS}/{ALICE}/password", json={"password": NEW_PASSWORD}, headers=bearer(token))
    await guarded.ask("PUT", f"{ACCOUNTS}/{ALICE}/password", json={"password": NEW_PASSWORD}, headers=basic(ALICE))
    log.close()
    await guarded_services.refusals.flush(guarded_services.database)

    entries = [repr(row) async for row in audit.export(guarded_services, AuditSearch())]

    written = "".join([*entries, access_log.read_text(), caplog.text, *capfd.readouterr()])
    assert written.count(f"{ACCOUNTS}/{ALICE}/password") >= 2
    assert [secret for secret in (token, made_up, PASSWORD, NEW_PASSWORD) if secret in written] == []


async def test_keys_are_listed_and_replaced_by_administrators(guarded: Client) -> None:
    keys = "/api/v1/keys"
    old = (await guarded.get(keys, headers=basic(ROOT))).document["keys"]

    rotated = await post(guarded, keys, {})

    assert (rotated.status, rotated.document["old_keys"]) == (201, "verify")
    listed = (await guarded.get(keys, headers=basic(ROOT))).document["keys"]
    assert [each["key_id"] for each in listed] == [rotated.document["key_id"], old[0]["key_id"]]
    assert [each["verifies_until"] is None for each in listed] == [True, False]
    assert listed[0]["algorithm"] == "ES256"
    for method in ("GET", "POST"):
        assert (await guarded.ask(method, keys, json={}, headers=basic(ALICE))).status == 403


def test_what_tells_a_secret_is_answered_nowhere_else() -> None:
    telling = {
        handler.__name__
        for handler, operation in OPERATIONS.items()
        if operation.answer is not None and {"password", "token", "secret"} & {*operation.answer.__struct_fields__}
    }

    assert {"create_account", "create_token"} <= telling
    assert all(name.startswith("create_") for name in telling), telling
