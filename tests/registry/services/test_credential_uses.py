"""Uses of credentials, and which of them the audit log has as logins."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.secret_text import SecretKind
from registry.auth.subject import OPERATOR, Proof, Subject, SubjectKind
from registry.errors import DatabaseUnavailable
from registry.metadata.audit_values import AuditEntry, AuditSearch
from registry.metadata.database import open_database
from registry.services import accounts, audit
from registry.services.context import Services
from registry.services.credential_uses import CredentialUses
from tests.registry.assembly import ON_SQLITE
from tests.registry.metadata.examples import NOW
from tests.registry.metadata.people import a_credential

pytestmark = ON_SQLITE

HERE, THERE = "192.0.2.1", "2001:db8::1"
AGAIN = timedelta(seconds=limits.LOGIN_AGAIN_S)


def bearer_of(credential_id: int) -> Subject:
    return Subject(SubjectKind.USER, "alice", 1, Proof(SecretKind.PERSONAL, 0, credential_id))


def used(uses: CredentialUses, credential_id: int, address: str = HERE, moment: datetime = NOW) -> None:
    uses.note(bearer_of(credential_id), address, moment)


async def logins(services: Services) -> list[AuditEntry]:
    return [row.entry async for row in audit.export(services, AuditSearch(action="login"))]


async def test_a_credential_that_is_brought_again_and_again_is_one_login_an_hour(services: Services) -> None:
    uses = CredentialUses()

    for seconds in range(0, limits.LOGIN_AGAIN_S, 600):
        used(uses, 7, moment=NOW + timedelta(seconds=seconds))
        await uses.flush(services.database)
    used(uses, 7, moment=NOW + AGAIN)
    await uses.flush(services.database)

    entries = await logins(services)
    assert [(entry.actor, entry.credential, entry.target) for entry in entries] == [
        ("user:alice", "personal:7", "alice")
    ] * 2
    assert entries[0].at == NOW


async def test_another_address_and_another_credential_are_logins_of_their_own(services: Services) -> None:
    uses = CredentialUses()

    for credential_id, address in ((7, HERE), (8, HERE), (7, THERE), (7, HERE), (8, HERE)):
        used(uses, credential_id, address)
    await uses.flush(services.database)

    assert [entry.credential for entry in await logins(services)] == ["personal:7", "personal:8", "personal:7"]


async def test_logins_wait_for_a_database_that_refuses(services: Services, database_url: str) -> None:
    uses = CredentialUses()
    used(uses, 7)
    refusing = await open_database(database_url)
    await refusing.close()

    with pytest.raises(DatabaseUnavailable):
        await uses.flush(refusing)
    used(uses, 7)
    for _ in range(2):
        await uses.flush(services.database)

    assert [entry.credential for entry in await logins(services)] == ["personal:7"]


async def test_a_login_that_there_is_no_room_for_is_put_down_with_the_next_use(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PENDING_LOGINS", 1)
    uses = CredentialUses()

    used(uses, 7)
    used(uses, 8)
    await uses.flush(services.database)
    used(uses, 8)
    await uses.flush(services.database)

    assert [entry.credential for entry in await logins(services)] == ["personal:7", "personal:8"]


async def test_what_is_forgotten_first_is_the_login_that_began_first(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REMEMBERED_LOGINS", 2)
    uses = CredentialUses()

    for credential_id in (1, 2, 3, 2, 3, 1):
        used(uses, credential_id)
    await uses.flush(services.database)

    assert [entry.credential for entry in await logins(services)] == [f"personal:{each}" for each in (1, 2, 3, 1)]


async def test_the_last_use_is_written_and_what_was_removed_is_passed_over(services: Services) -> None:
    account = await accounts.add(services, OPERATOR, AccountName.parse("alice"), None)
    made = await services.database.write(lambda tx: a_credential(tx, account))
    uses = CredentialUses()

    for credential_id, address in ((made.id, HERE), (made.id, THERE), (made.id + 1, HERE)):
        used(uses, credential_id, address)
    await uses.flush(services.database)

    [kept] = await services.database.read(lambda tx: tx.credentials.list(account.id))
    assert (kept.last_used_at, kept.last_used_from) == (NOW, THERE)
