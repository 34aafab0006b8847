"""What changed, as the outbox and the audit log record it in the transaction of the change.

Each event names what it is about, not what became of it: a reader looks at the present state, so that reading an
event twice, or late, does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName, Tag
from registry.auth.access import Access
from registry.metadata.transaction import Transaction
from registry.services import audit


class EventKind(StrEnum):
    """The outbox's `kind` column; its values are stored, so a landed one is never renamed."""

    BLOB_LINKED = "blob.linked"
    BLOB_UNLINKED = "blob.unlinked"
    BLOB_MOVED = "blob.moved"
    BLOB_REMOVED = "blob.removed"
    MANIFEST_PUSHED = "manifest.pushed"
    MANIFEST_DELETED = "manifest.deleted"
    TAG_MOVED = "tag.moved"
    TAG_DELETED = "tag.deleted"
    REPOSITORY_DELETED = "repository.deleted"


@dataclass(frozen=True, slots=True)
class About:
    """What all events of one change share: where it happened and by whom, and when."""

    access: Access
    moment: datetime


def record(
    tx: Transaction,
    kind: EventKind,
    about: About,
    *,
    digest: Digest | None = None,
    tag: Tag | None = None,
    source: RepositoryName | None = None,
) -> None:
    """Append an event about a repository, and the blob, manifest or tag in it, to the outbox and the audit log.

    `source` is the repository that a blob was mounted from: only the audit log says so.
    """
    _append(tx, kind, about, digest=digest, tag=tag)
    named = {"digest": digest, "tag": tag, "source": source}
    detail = {name: str(value) for name, value in named.items() if value is not None}
    audit.record(
        tx,
        audit.Action(kind),
        actor=about.access.actor,
        target=str(about.access.repository),
        moment=about.moment,
        detail=detail,
    )


def record_pushed_blob(tx: Transaction, about: About, digest: Digest) -> None:
    """Append to the outbox that a blob was pushed; the audit log tells of the manifests that need it.

    An entry for each blob took more than 5 % of the pushes of small ones.
    """
    _append(tx, EventKind.BLOB_LINKED, about, digest=digest)


def record_removed_blob(tx: Transaction, digest: Digest, key: str, moment: datetime) -> None:
    """Append that no repository has the blob any more, and the bytes under `key` are to go."""
    tx.outbox.append(EventKind.BLOB_REMOVED, {"digest": str(digest), "key": key}, moment)


def _append(
    tx: Transaction, kind: EventKind, about: About, *, digest: Digest | None = None, tag: Tag | None = None
) -> None:
    payload = {"repository": str(about.access.repository), "actor": about.access.actor}
    if digest is not None:
        payload["digest"] = str(digest)
    if tag is not None:
        payload["tag"] = str(tag)
    tx.outbox.append(kind, payload, about.moment)
