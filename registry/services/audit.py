"""The audit log: who did what, when, from where, with which credential; told from what was done, and proved.

Entries of a change are committed with it. Each is chained to the one before it by a hash (`registry.metadata.audit`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from registry import limits
from registry.auth.subject import Subject
from registry.metadata.audit_values import AuditEntry, AuditRow, AuditSearch, ChainPoint, chained
from registry.metadata.transaction import Transaction
from registry.observability import request_context

if TYPE_CHECKING:
    from registry.services.context import Services


class Action(StrEnum):
    """What was done. The values are stored, and events of repositories have the same, so a landed one stays."""

    BLOB_LINKED = "blob.linked"
    BLOB_UNLINKED = "blob.unlinked"
    BLOB_MOVED = "blob.moved"
    MANIFEST_PUSHED = "manifest.pushed"
    MANIFEST_DELETED = "manifest.deleted"
    TAG_MOVED = "tag.moved"
    TAG_DELETED = "tag.deleted"
    TAGS_PROTECTED = "tags.protected"
    TAGS_UNPROTECTED = "tags.unprotected"
    REPOSITORY_DESCRIBED = "repository.described"
    VISIBILITY_CHANGED = "visibility.changed"
    REPOSITORY_DELETED = "repository.deleted"
    KEYS_ROTATED = "keys.rotated"
    LOGIN = "login"
    LOGIN_FAILED = "login.failed"
    PERMISSION_CHANGED = "permission.changed"
    ACCOUNT_MADE = "account.made"
    ACCOUNT_REMOVED = "account.removed"
    ACCOUNT_DISABLED = "account.disabled"
    ACCOUNT_ENABLED = "account.enabled"
    CREDENTIALS_CHANGED = "account.password_changed"
    ADMINISTRATOR_MADE = "administrator.made"
    ADMINISTRATOR_UNMADE = "administrator.unmade"
    ORGANISATION_MADE = "organisation.made"
    ORGANISATION_REMOVED = "organisation.removed"
    MEMBER_SET = "member.set"
    MEMBER_REMOVED = "member.removed"
    TEAM_MADE = "team.made"
    TEAM_REMOVED = "team.removed"
    TEAM_JOINED = "team.joined"
    TEAM_LEFT = "team.left"
    CREDENTIAL_MADE = "credential.made"
    CREDENTIAL_REVOKED = "credential.revoked"
    WORKLOAD_TRUSTED = "workload.trusted"
    WORKLOAD_DISTRUSTED = "workload.distrusted"
    ROLE_GRANTED = "role.granted"
    ROLE_TAKEN_BACK = "role.taken_back"
    DATABASE_RESTORED = "database.restored"
    REQUEST_REFUSED = "request.refused"
    REFUSALS_COUNTED = "refusals.counted"


class Outcome(StrEnum):
    """What came of it."""

    DONE = "done"
    REFUSED = "refused"


_NO_DETAIL: Final[Mapping[str, str | int]] = {}


def record(
    tx: Transaction,
    action: Action,
    *,
    actor: str,
    target: str,
    moment: datetime,
    outcome: Outcome = Outcome.DONE,
    detail: Mapping[str, str | int] = _NO_DETAIL,
) -> None:
    """Put down what was done, in the transaction that does it; address, request and credential are the request's.

    `target` is the repository or account that it is about. No secret may stand in any of it.
    """
    context = request_context.current() or request_context.RequestContext("")
    tx.audit.append(entry(action, context, actor=actor, target=target, moment=moment, outcome=outcome, detail=detail))


def entry(
    action: Action,
    context: request_context.RequestContext,
    *,
    actor: str,
    target: str,
    moment: datetime,
    outcome: Outcome,
    detail: Mapping[str, str | int],
) -> AuditEntry:
    """The entry of what was done for the request of `context`, with every text bounded and plain."""
    plain = {name: _plain(value) if isinstance(value, str) else value for name, value in detail.items()}
    return AuditEntry(
        at=moment,
        actor=_plain(actor),
        action=action,
        target=_plain(target),
        outcome=outcome,
        credential=_plain(str(context.credential)),
        address=_plain(context.address),
        request_id=_plain(context.request_id),
        detail=json.dumps(plain, separators=(",", ":")),
    )


def login(subject: Subject, moment: datetime, detail: Mapping[str, str | int] = _NO_DETAIL) -> AuditEntry:
    """The entry of a login of `subject` for the current request, whose proof is known only by that."""
    context = replace(request_context.current() or request_context.RequestContext(""), credential=subject.proof)
    return entry(
        Action.LOGIN,
        context,
        actor=str(subject),
        target=subject.name,
        moment=moment,
        outcome=Outcome.DONE,
        detail=detail,
    )


async def page(services: Services, search: AuditSearch, before: int | None, limit: int) -> list[AuditRow]:
    """Up to `limit` entries of `search` with ids less than `before`, newest first."""
    return await services.database.read(_older, search, before, limit)


async def export(services: Services, search: AuditSearch) -> AsyncIterator[AuditRow]:
    """All entries of `search`, oldest first, read a batch at a time."""
    after = 0
    while batch := await services.database.read(_newer, search, after, limits.AUDIT_BATCH):
        for row in batch:
            yield row
        after = batch[-1].id


async def trim(services: Services, before: datetime) -> int:
    """Remove some of the entries that are older than `before`, oldest first, and count them.

    What remains can be verified as before: the hash up to which was removed is kept.
    """
    return await services.database.reclaim(_trim, before)


@dataclass(frozen=True, slots=True)
class Fault:
    """An entry at which the chain does not hold, and why."""

    entry: int
    reason: str


@dataclass(slots=True)
class Verification:
    """What was found: the entries that were looked at, where they begin and end, and what is wrong with them.

    Beyond `limits.AUDIT_FAULTS`, faults are not told.
    """

    entries: int
    start: ChainPoint
    head: ChainPoint
    faults: list[Fault] = field(default_factory=list)


async def verify(services: Services) -> Verification:
    """Follow the whole chain, a batch at a time, while it may grow and be trimmed."""
    start, _, _ = await services.database.read(_stretch, 0)
    found = Verification(0, start, start)
    last = start
    while True:
        start, head, batch = await services.database.read(_stretch, last.entry)
        if start.entry > last.entry:
            # Retention has removed what was to come next.
            last = start
            continue
        # In a thread: a batch of hashes is more than the event loop should wait for.
        last = await asyncio.to_thread(_all_followed, found, last, batch)
        if len(batch) < limits.AUDIT_BATCH:
            found.head = head
            _check_end(found, last, head)
            return found


def _all_followed(found: Verification, last: ChainPoint, batch: list[AuditRow]) -> ChainPoint:
    for row in batch:
        last = _followed(found, last, row)
    return last


def _followed(found: Verification, last: ChainPoint, row: AuditRow) -> ChainPoint:
    found.entries += 1
    if row.id != last.entry + 1:
        missing = row.id - last.entry - 1
        _add(found, last.entry + 1, f"{missing} missing before entry {row.id}")
    elif row.previous != last.hash:
        _add(found, row.id, "it does not follow the entry before it")
    if chained(row.id, row.entry, row.previous) != row.hash:
        _add(found, row.id, "it was altered")
    return ChainPoint(row.id, row.hash, row.entry.at)


def _check_end(found: Verification, last: ChainPoint, head: ChainPoint) -> None:
    if last.entry < head.entry:
        _add(found, last.entry + 1, f"{head.entry - last.entry} missing at the end, which is entry {head.entry}")
    elif last.entry > head.entry:
        _add(found, head.entry + 1, f"it stands behind the end, which is entry {head.entry}")
    elif last.hash != head.hash:
        _add(found, head.entry, "it is not the entry that the chain ended with")


def _add(found: Verification, number: int, reason: str) -> None:
    if len(found.faults) < limits.AUDIT_FAULTS:
        found.faults.append(Fault(number, reason))


def _older(tx: Transaction, search: AuditSearch, before: int | None, limit: int) -> list[AuditRow]:
    return tx.audit.older(search, before, limit)


def _newer(tx: Transaction, search: AuditSearch, after: int, limit: int) -> list[AuditRow]:
    return tx.audit.newer(search, after, limit)


def _trim(tx: Transaction, before: datetime) -> int:
    return tx.audit.trim(before, limits.AUDIT_BATCH)


def _stretch(tx: Transaction, after: int) -> tuple[ChainPoint, ChainPoint, list[AuditRow]]:
    return tx.audit.start(), tx.audit.head(), tx.audit.newer(AuditSearch(), after, limits.AUDIT_BATCH)


def _plain(text: str) -> str:
    """`text`, bounded, with all that is no printable ASCII escaped, so that no line can be forged with it."""
    cut = text[: limits.AUDIT_TEXT_CHARACTERS]
    # Its own backslashes are escaped too, so that no two texts are written alike.
    plain = cut.isascii() and cut.isprintable() and "\\" not in cut
    return cut if plain else cut.encode("unicode_escape").decode("ascii")
