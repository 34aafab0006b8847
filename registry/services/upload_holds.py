"""Who may write to an upload's bytes, decided in the database where the blob store has no locks.

A hold is a row of half a minute, renewed for as long as its session lasts. That of a process that died is free at once
to others on its machine, which see that it is dead, and everywhere when the half minute is over.

A process that stands still for longer loses its hold without noticing. Nothing depends on that never happening: a
session is saved only at the version that was read (`registry.services.uploads`), parts are completed by the tags that
S3 gave for them, and the end of the block says that the hold was lost, before anybody is told of what was done in it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from registry import limits
from registry.errors import RegistryError
from registry.metadata.database import Database
from registry.metadata.rows import UploadHold
from registry.metadata.transaction import Transaction
from registry.services.context import now
from registry.services.owner import has_died, this_process
from storage_backends.errors import UploadBusy
from storage_backends.holding import UploadHolds


class DatabaseUploadHolds(UploadHolds):
    """Holds as rows of `database`, which all nodes share. Its errors are the database's."""

    def __init__(self, database: Database, span_s: float = limits.UPLOAD_HOLD_S) -> None:
        self._database = database
        self._owner = this_process()
        self._span = timedelta(seconds=span_s)

    @asynccontextmanager
    async def hold(self, key: str) -> AsyncIterator[None]:
        """See `UploadHolds.hold`; the block is stopped when the hold is lost, and fails if it cannot be given back."""
        token = await self._take(key)
        limit = asyncio.timeout(self._safe_s())
        renewal = asyncio.create_task(self._renew(key, token, limit))
        try:
            async with limit:
                yield
        except TimeoutError:
            if limit.expired():
                raise UploadBusy(key) from None
            raise
        finally:
            renewal.cancel()
            await asyncio.wait((renewal,))
            failure = await self._release(key, token)
        if failure is not None:
            raise failure

    async def _take(self, key: str) -> str:
        token = secrets.token_hex(16)
        if await self._database.note(_take, key, self._new(token)):
            return token
        other = await self._database.read(_find, key)
        # Two small files of /proc: memory, no disk.
        if other is None or not has_died(other.owner):
            raise UploadBusy(key)
        if not await self._database.note(_take_over, key, self._new(token), dead=other.token):
            raise UploadBusy(key)
        return token

    async def _renew(self, key: str, token: str, limit: asyncio.Timeout) -> None:
        while True:
            await asyncio.sleep(self._span.total_seconds() / 4)
            # A database that does not answer may do so at the next turn; the limit stands until then.
            with suppress(RegistryError):
                held = await self._database.note(_renew, key, token, now() + self._span)
                if limit.expired():
                    return
                limit.reschedule(asyncio.get_running_loop().time() + (self._safe_s() if held else 0))

    async def _release(self, key: str, token: str) -> Exception | None:
        """Let others have the upload; what is to be told instead of what was done, if they do not get it."""
        try:
            return None if await self._database.note(_release, key, token) else UploadBusy(key)
        except RegistryError as error:
            # The hold ends by time. Who were told that all is well would go on at once, perhaps at another node, and be
            # refused as if there were two of them; after this error clients begin anew.
            return error

    def _new(self, token: str) -> UploadHold:
        return UploadHold(self._owner, token, now() + self._span)

    def _safe_s(self) -> float:
        """For how long a hold that was just written certainly stands, with some time to stop, and for other clocks."""
        return self._span.total_seconds() * 0.8


async def forget_ended(database: Database) -> int:
    """Remove the holds of processes that died, on uploads that nobody asked for since; how many there were."""
    return await database.note(_forget_ended)


def _take(tx: Transaction, key: str, hold: UploadHold) -> bool:
    return tx.upload_holds.acquire(key, hold, now=now())


def _find(tx: Transaction, key: str) -> UploadHold | None:
    return tx.upload_holds.find(key)


def _take_over(tx: Transaction, key: str, hold: UploadHold, *, dead: str) -> bool:
    tx.upload_holds.release(key, dead)
    return tx.upload_holds.acquire(key, hold, now=now())


def _renew(tx: Transaction, key: str, token: str, until: datetime) -> bool:
    return tx.upload_holds.renew(key, token, until=until)


def _release(tx: Transaction, key: str, token: str) -> bool:
    return tx.upload_holds.release(key, token)


def _forget_ended(tx: Transaction) -> int:
    return tx.upload_holds.remove_ended(now() - timedelta(seconds=limits.UPLOAD_HOLD_S))
