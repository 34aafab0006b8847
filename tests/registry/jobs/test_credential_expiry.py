"""Credentials that expired long ago are removed, and no others."""

from __future__ import annotations

from datetime import datetime, timedelta

from registry import limits
from registry.jobs import credential_expiry
from registry.metadata.account_rows import AccountKind, NewAccount, NewCredential
from registry.metadata.transaction import Transaction
from registry.services.context import Services, now
from tests.registry.assembly import ON_SQLITE

pytestmark = ON_SQLITE


def make(tx: Transaction, ends: dict[str, datetime | None]) -> int:
    account = tx.accounts.make(NewAccount(name="alice", kind=AccountKind.USER, created_at=now(), created_by="test"))
    assert account is not None
    for name, end in ends.items():
        tx.credentials.make(
            NewCredential(
                account_id=account.id,
                kind="personal",
                name=name,
                hash=name.encode(),
                scope="{}",
                generation=1,
                created_at=now(),
                created_by="test",
                expires_at=end,
            )
        )
    return account.id


async def test_only_what_expired_long_ago_is_removed(services: Services) -> None:
    long_ago = now() - timedelta(seconds=limits.EXPIRED_CREDENTIAL_S)
    ends = {
        "long ago": long_ago - timedelta(minutes=1),
        "lately": long_ago + timedelta(minutes=1),
        "later": now() + timedelta(days=1),
        "never": None,
    }
    alice = await services.database.write(make, ends)

    await credential_expiry.run(services)

    left = await services.database.read(lambda tx: tx.credentials.list(alice))
    assert {each.name for each in left} == {"lately", "later", "never"}
