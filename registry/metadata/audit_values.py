"""Entries of the audit log, and how each is chained to the one before it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Final

import msgspec

from registry.metadata.column_types import to_microseconds

_VERSION: Final = b"moorage audit 1\n"


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what to which target, when, from where and with which credential, and what came of it.

    `target` is a repository or an account; `detail` is a JSON object, as text.
    """

    at: datetime
    actor: str
    action: str
    target: str
    outcome: str
    credential: str = ""
    address: str = ""
    request_id: str = ""
    detail: str = ""


class AuditRow(msgspec.Struct, frozen=True):
    """An entry as it stands in the chain."""

    id: int
    entry: AuditEntry
    previous: bytes
    hash: bytes


class ChainPoint(msgspec.Struct, frozen=True):
    """The last entry up to some place of the chain: its id, hash and time."""

    entry: int
    hash: bytes
    at: datetime


class AuditSearch(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries are asked for: those that agree with all that is given, from `since` to before `until`."""

    actor: str | None = None
    target: str | None = None
    action: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None


ORIGIN: Final = ChainPoint(0, bytes(32), datetime(1970, 1, 1, tzinfo=UTC))
"""What the first entry of all follows."""


def chained(number: int, entry: AuditEntry, previous: bytes) -> bytes:
    """The hash of `entry`, which has the id `number`, after an entry of the hash `previous`.

    SHA-256 over all fields, each with its length before it, so that no two entries are written alike.
    """
    digest = hashlib.sha256(_VERSION)
    fields = (
        str(number),
        str(to_microseconds(entry.at)),
        entry.actor,
        entry.credential,
        entry.address,
        entry.request_id,
        entry.action,
        entry.target,
        entry.outcome,
        entry.detail,
    )
    for field in (*(text.encode() for text in fields), previous):
        digest.update(len(field).to_bytes(8, "big"))
        digest.update(field)
    return digest.digest()
