"""Whether this database and this storage belong together: both bear the name of one installation.

The database is given it first and the storage then, so that a storage with a name has a database that knows it. A start
that dies in between is made good by the next one; a storage that has lost it later is not the one that it was.
"""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from datetime import datetime
from typing import Final

from registry.metadata.database import Database
from registry.metadata.node_rows import Installation
from registry.metadata.transaction import Transaction
from registry.services.context import now
from storage_backends.contract import BlobStore
from storage_backends.errors import ObjectNotFound, StorageFull, StorageReadOnly

OBJECT: Final = "installation"
"""The name of the index object that says whose the storage is."""

_IDENTITY_BYTES: Final = 8
_UNREADABLE: Final = "(unreadable)"


class InstallationMismatch(Exception):
    """The database and the storage are not of one installation; None where one belongs to none yet."""

    def __init__(self, database: str | None, storage: str | None) -> None:
        self.database, self.storage = database, storage

    def __str__(self) -> str:
        if self.database is None:
            return (
                f"the database is new, and the storage belongs to installation {self.storage}: name the database of "
                "that one, or recover it with `registry rebuild`"
            )
        if self.storage is None:
            return (
                f"the database belongs to installation {self.database}, and the storage to none: name, or mount, the "
                "storage of that one; if this is it, say so with `registry pair`"
            )
        return (
            f"the database belongs to installation {self.database}, the storage to installation {self.storage}: name "
            "two that belong together; if these do, say so with `registry pair`"
        )


async def require_pair(database: Database, store: BlobStore) -> str:
    """The name of the installation that both belong to; where neither does to any, one is made.

    Raises:
        InstallationMismatch: they do not belong together.
        StorageError: the storage cannot be asked.
    """
    # The storage first: what it bears, the database has known before.
    stored = await _stored(store)
    known = await database.read(_find)
    if known is None:
        if stored is not None:
            raise InstallationMismatch(None, stored)
        known = await database.reclaim(_ensure, _drawn(), now())
    if stored is None and known.in_storage:
        # Maybe another node has told it a moment ago.
        stored = await _stored(store)
        if stored is None:
            raise InstallationMismatch(known.identity, None)
    if stored not in (None, known.identity):
        raise InstallationMismatch(known.identity, stored)
    if not known.in_storage:
        # On a full disk the registry still starts, for pulls and for what makes room; a later start tells it.
        with suppress(StorageFull, StorageReadOnly):
            await _tell(database, store, known)
    return known.identity


async def pair(database: Database, store: BlobStore) -> str:
    """Let both belong together from now on, whatever they said; the name that both bear.

    It is the database's if that has one, else the storage's.

    Raises:
        StorageError: the storage cannot be asked or written.
    """
    stored = await _stored(store)
    known = await database.read(_find)
    if known is None:
        identity = stored if stored not in (None, _UNREADABLE) else _drawn()
        known = Installation(str(identity), now(), in_storage=False)
        await database.write(_replace, known)
    await _tell(database, store, known)
    return known.identity


async def _stored(store: BlobStore) -> str | None:
    try:
        content = await store.get_object(OBJECT)
    except ObjectNotFound:
        return None
    try:
        identity = json.loads(content)["installation"]
    except (ValueError, KeyError, TypeError):
        return _UNREADABLE
    return identity if isinstance(identity, str) else _UNREADABLE


async def _tell(database: Database, store: BlobStore, known: Installation) -> None:
    document = {"format": 1, "installation": known.identity, "made_at": known.made_at.isoformat()}
    await store.put_object(OBJECT, json.dumps(document).encode())
    await database.reclaim(_confirm, known.identity)


def _drawn() -> str:
    return secrets.token_hex(_IDENTITY_BYTES)


def _find(tx: Transaction) -> Installation | None:
    return tx.installations.find()


def _ensure(tx: Transaction, identity: str, moment: datetime) -> Installation:
    return tx.installations.ensure(identity, moment)


def _replace(tx: Transaction, new: Installation) -> None:
    tx.installations.replace(new)


def _confirm(tx: Transaction, identity: str) -> None:
    tx.installations.confirm(identity)
