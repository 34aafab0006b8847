"""What the audit log says of logins that fail: for which account, and never what was typed."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlencode

from registry.auth.account_name import AccountName
from registry.auth.scope import EVERYTHING
from registry.auth.secret_text import SecretKind, generate
from registry.auth.subject import OPERATOR
from registry.metadata.audit_values import AuditEntry, AuditSearch
from registry.observability.access_log import AccessLog
from registry.services import audit, credentials
from registry.services.context import Services
from tests.registry.http.logging_in import ALICE, PASSWORD, basic, bearer
from tests.registry.http.serving import Client

MISTYPED = "hunter2-in-the-wrong-field"


async def failures(services: Services) -> list[AuditEntry]:
    """The failed logins that were put down, oldest first."""
    await services.refusals.flush(services.database)
    return [row.entry async for row in audit.export(services, AuditSearch(action="login.failed"))]


async def test_a_wrong_password_is_put_down_with_the_account_that_it_was_tried_for(
    guarded: Client, guarded_services: Services
) -> None:
    form = urlencode({"grant_type": "password", "username": ALICE, "password": "wrong"}).encode()
    for path in ("/token", "/v2/", "/v2/team/app/tags/list", "/api/v1/repositories"):
        assert (await guarded.get(path, headers=basic(ALICE, "wrong"))).status == 401
    assert (await guarded.ask("POST", "/token", data=form)).status == 401

    entries = await failures(guarded_services)

    assert [(entry.actor, entry.target, entry.outcome) for entry in entries] == [("anonymous", ALICE, "refused")] * 5
    assert {entry.address for entry in entries} == {"127.0.0.1"}
    assert json.loads(entries[2].detail) == {"status": 401, "method": "GET", "path": "/v2/team/app/tags/list"}


async def test_a_name_that_is_nobodys_is_not_put_down_for_it_may_be_a_password(
    guarded: Client, guarded_services: Services, access_log: Path, log: AccessLog
) -> None:
    query = urlencode({"service": "moorage", "account": MISTYPED})
    for name in (MISTYPED, f"{MISTYPED}\n2026-01-01 forged", "é", MISTYPED.upper()):
        await guarded.get(f"/token?{query}", headers=basic(name, "wrong"))
    form = urlencode({"grant_type": "password", "username": MISTYPED, "password": "wrong"}).encode()
    await guarded.ask("POST", "/token", data=form)

    entries = await failures(guarded_services)

    # One name could not be read as one at all: that is no login.
    assert [entry.target for entry in entries] == [""] * 4
    everything = [repr(row.entry) async for row in audit.export(guarded_services, AuditSearch())]
    assert "account=***" in everything[-2]
    assert MISTYPED.lower() not in "".join(everything).lower()
    log.close()
    assert access_log.read_bytes().count(b"\n") == 5
    assert MISTYPED.lower() not in access_log.read_text().lower()


async def test_who_is_held_back_is_put_down_too(guarded: Client, guarded_services: Services) -> None:
    for number in range(12):
        last = await guarded.get("/token", headers=basic(ALICE, f"guess {number}"))

    entries = await failures(guarded_services)

    assert last.status == 429
    assert [json.loads(entry.detail)["status"] for entry in entries] == [401] * (12 - 1) + [429]
    assert {entry.target for entry in entries} == {ALICE}


async def test_a_revoked_token_is_put_down_with_whose_and_which_it_was(
    guarded: Client, guarded_services: Services
) -> None:
    name = AccountName(ALICE)
    secret, made = await credentials.create(
        guarded_services, OPERATOR, name, name="ci", scope=EVERYTHING, expires_at=None
    )
    await credentials.revoke(guarded_services, OPERATOR, name, made.id)
    for headers in (basic(ALICE, secret), bearer(secret), bearer(generate(SecretKind.PERSONAL))):
        assert (await guarded.get("/v2/", headers=headers)).status == 401

    entries = await failures(guarded_services)

    assert [(entry.target, json.loads(entry.detail).get("credential")) for entry in entries] == [
        (ALICE, f"personal:{made.id}"),
        (ALICE, f"personal:{made.id}"),
        ("", None),
    ]
    assert secret not in repr(entries)


async def test_a_login_that_succeeds_is_no_failed_one_whatever_is_refused_then(
    guarded: Client, guarded_services: Services
) -> None:
    assert (await guarded.get("/api/v1/audit", headers=basic(ALICE, PASSWORD))).status == 403
    assert (await guarded.get("/v2/")).status == 401

    assert await failures(guarded_services) == []
    refused = await audit.page(guarded_services, AuditSearch(action="request.refused"), None, 9)
    assert [row.entry.actor for row in refused] == ["user:alice"]
