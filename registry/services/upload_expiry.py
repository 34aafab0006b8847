"""Upload sessions that nobody goes on with: forgotten, with their bytes."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from registry.metadata.rows import Upload
from registry.metadata.transaction import Transaction
from registry.services import upload_holds
from registry.services.context import Services
from registry.services.upload_state import stored_state
from storage_backends.contract import UploadState
from storage_backends.errors import UploadBusy

# Bytes are timed by the storage's clock, sessions by ours.
_REAP_MARGIN_S = 3600


async def expire(services: Services, moment: datetime, limit: int) -> int:
    """Remove up to `limit` sessions that nobody touched until `moment`; how many were removed.

    A session whose bytes are just coming in is not abandoned, however long they have been coming.
    """
    removed = 0
    for upload in await services.database.read(_expired, moment, limit):
        with suppress(UploadBusy):
            removed += await _remove(services, upload)
    return removed


async def reap(services: Services, moment: datetime) -> int:
    """Remove bytes that no session can still use, as a process leaves that dies in the middle; how many there were.

    An append touches the bytes before the row, so bytes untouched for longer than a session may rest belong to none.
    """
    oldest = moment - timedelta(seconds=services.settings.upload_expire_s + _REAP_MARGIN_S)
    stray = [key async for key, touched in services.store.list_uploads() if touched < oldest]
    for key in stray:
        await services.store.abort(UploadState(key, "sha256", 0, b"", b"", b""))
    await upload_holds.forget_ended(services.database)
    return len(stray)


async def _remove(services: Services, upload: Upload) -> bool:
    """False when a request went on with the session since it was seen to have expired."""
    async with services.store.session(upload.key):
        if not await services.database.reclaim(_delete, upload):
            return False
        await services.store.abort(stored_state(upload))
    return True


def _expired(tx: Transaction, moment: datetime, limit: int) -> list[Upload]:
    return tx.uploads.expired(moment, limit)


def _delete(tx: Transaction, upload: Upload) -> bool:
    return tx.uploads.delete(upload.id, upload.version)
