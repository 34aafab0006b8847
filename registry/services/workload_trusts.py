"""Which workloads a robot trusts, as whoever looks after it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.policy import require_password
from registry.auth.subject import Subject
from registry.auth.workload_trust import WorkloadTrust
from registry.errors import AccountUnknown, TrustsTooMany, TrustUnknown
from registry.metadata.account_rows import Account, AccountKind, Federation, NewFederation
from registry.metadata.transaction import Transaction
from registry.services import audit
from registry.services.account_access import require_keeper, require_standing_proof
from registry.services.accounts import found
from registry.services.context import Services, now


@dataclass(frozen=True, slots=True)
class Trusted:
    """A workload that a robot trusts, by its number."""

    number: int
    workload: WorkloadTrust
    created_at: datetime
    created_by: str


async def add(services: Services, subject: Subject, robot: AccountName, workload: WorkloadTrust) -> Trusted:
    """Let the workload act as `robot` from now on.

    Raises:
        AccountUnknown: there is no such robot, or it is somebody else's.
        TrustsTooMany: it trusts as many as it can.
        Denied, PasswordRequired, LoginFailed: it is not allowed, to this proof or any more.
    """
    await require_keeper(services, subject, robot)
    require_password(subject)
    return await services.database.write(_add, robot, workload, subject)


async def listing(services: Services, subject: Subject, robot: AccountName) -> list[Trusted]:
    """All workloads that `robot` trusts, the oldest first.

    Raises:
        AccountUnknown: there is no such robot, or it is somebody else's.
        Denied: the credential does not reach this far.
    """
    await require_keeper(services, subject, robot)
    return await services.database.read(_listing, robot)


async def remove(services: Services, subject: Subject, robot: AccountName, number: int) -> None:
    """Let the workload act as `robot` no more, at once: bearer tokens that any workload of the robot has fall, too.

    Raises:
        AccountUnknown: there is no such robot, or it is somebody else's.
        TrustUnknown: it trusts no workload of this number.
        Denied: the credential does not reach this far.
    """
    await require_keeper(services, subject, robot)
    await services.database.write(_remove, robot, number, str(subject))


def _add(tx: Transaction, robot: AccountName, workload: WorkloadTrust, subject: Subject) -> Trusted:
    require_standing_proof(tx, subject)
    # Else several that are trusted at once would not count each other.
    tx.accounts.lock(str(robot))
    account, actor = _robot(tx, robot), str(subject)
    if len(tx.federations.of_account(account.id)) >= limits.TRUSTS_OF_A_ROBOT:
        raise TrustsTooMany(str(robot), limits.TRUSTS_OF_A_ROBOT)
    made = tx.federations.make(
        NewFederation(
            account_id=account.id,
            issuer=str(workload.issuer),
            audience=workload.audience,
            claims=workload.claims_text,
            created_at=now(),
            created_by=actor,
        )
    )
    detail: dict[str, str | int] = {
        "trust": made.id,
        "issuer": made.issuer,
        "audience": made.audience,
        "claims": made.claims,
    }
    audit.record(
        tx, audit.Action.WORKLOAD_TRUSTED, actor=actor, target=str(robot), moment=made.created_at, detail=detail
    )
    return _trusted(made)


def _listing(tx: Transaction, robot: AccountName) -> list[Trusted]:
    return [_trusted(row) for row in tx.federations.of_account(_robot(tx, robot).id)]


def _remove(tx: Transaction, robot: AccountName, number: int, actor: str) -> None:
    account = _robot(tx, robot)
    if not tx.federations.remove(account.id, number):
        raise TrustUnknown(str(robot), number)
    tx.accounts.end_proofs(account.id)
    audit.record(
        tx,
        audit.Action.WORKLOAD_DISTRUSTED,
        actor=actor,
        target=str(robot),
        moment=now(),
        detail={"trust": number},
    )


def _robot(tx: Transaction, name: AccountName) -> Account:
    account = found(tx, name)
    if account.kind is not AccountKind.ROBOT:
        raise AccountUnknown(str(name))
    return account


def _trusted(row: Federation) -> Trusted:
    return Trusted(row.id, WorkloadTrust.read(row.issuer, row.audience, row.claims), row.created_at, row.created_by)
