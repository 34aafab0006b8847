"""What the audit log says of logins that succeed, whatever they are made with."""

from __future__ import annotations

from urllib.parse import urlencode

from registry.auth.account_name import AccountName
from registry.auth.scope import EVERYTHING
from registry.auth.subject import OPERATOR
from registry.metadata.audit_values import AuditSearch
from registry.services import audit, credentials
from registry.services.context import Services
from tests.registry.http.logging_in import ALICE, ROOT, basic, bearer
from tests.registry.http.serving import Client


async def logins(services: Services) -> list[tuple[str, str, str]]:
    """Who logged in with what and from where, oldest first."""
    await services.credential_uses.flush(services.database)
    rows = [row.entry async for row in audit.export(services, AuditSearch(action="login"))]
    return [(row.actor, row.credential, row.address) for row in rows]


async def test_a_token_logs_in_once_however_often_and_by_which_way_it_comes(
    guarded: Client, guarded_services: Services
) -> None:
    owner = AccountName(ALICE)
    secret, made = await credentials.create(
        guarded_services, OPERATOR, owner, name="ci", scope=EVERYTHING, expires_at=None
    )

    for _ in range(2):
        assert (await guarded.get("/token", headers=basic(ALICE, secret))).status == 200
        assert (await guarded.get("/v2/", headers=bearer(secret))).status == 200
        assert (await guarded.get("/api/v1/account", headers=basic(ALICE, secret))).status == 200

    assert await logins(guarded_services) == [(f"user:{ALICE}", f"personal:{made.id}", "127.0.0.1")]


async def test_a_token_with_another_name_logs_nobody_in(guarded: Client, guarded_services: Services) -> None:
    secret, _ = await credentials.create(
        guarded_services, OPERATOR, AccountName(ALICE), name="ci", scope=EVERYTHING, expires_at=None
    )

    assert (await guarded.get("/token", headers=basic(ROOT, secret))).status == 401

    assert await logins(guarded_services) == []


async def test_a_client_that_stays_logged_in_is_put_down_beside_its_password(
    guarded: Client, guarded_services: Services
) -> None:
    first = await guarded.get("/token?offline_token=true&client_id=docker", headers=basic(ALICE))
    form = {"grant_type": "refresh_token", "refresh_token": first.document["refresh_token"], "client_id": "docker"}
    for _ in range(3):
        assert (await guarded.ask("POST", "/token", data=urlencode(form).encode())).status == 200
    assert (await guarded.get("/token", headers=basic(ALICE))).status == 200

    made = await logins(guarded_services)

    # The password was proved a moment ago, and not anew.
    assert [(actor, kind.partition(":")[0]) for actor, kind, _ in made] == [
        (f"user:{ALICE}", "password"),
        (f"user:{ALICE}", "refresh"),
    ]
