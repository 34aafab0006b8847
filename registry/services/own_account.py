"""Who is asking: what a client is told about itself."""

from __future__ import annotations

from dataclasses import dataclass

from registry.auth.permission import Permission
from registry.auth.subject import Subject
from registry.metadata.account_rows import Account, Credential, Membership
from registry.metadata.transaction import Transaction
from registry.services.context import Services


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """The account of whoever asks, and the credential that they brought or that their bearer token was made for.

    None where there is none. `memberships` is None for a credential that is not for all that its account may.
    """

    account: Account | None
    credential: Credential | None
    memberships: list[Membership] | None


async def show(services: Services, subject: Subject) -> OwnAccount:
    """What there is to tell `subject` about themselves; whoever is asking may know."""
    account_id = subject.account_id
    if account_id is None:
        return OwnAccount(None, None, None)
    reaches_all = await services.policy.allows(subject, Permission.SELF, None)
    return await services.database.read(_show, account_id, subject, with_memberships=reaches_all)


def _show(tx: Transaction, account_id: int, subject: Subject, *, with_memberships: bool) -> OwnAccount:
    credential_id = subject.proof.credential_id if subject.proof is not None else None
    return OwnAccount(
        tx.accounts.find_by_id(account_id),
        tx.credentials.find_by_id(credential_id) if credential_id is not None else None,
        tx.namespaces.of_account(account_id) if with_memberships else None,
    )
