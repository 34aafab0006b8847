"""Reading stored bytes again, and quarantining those that are no longer what their digest says.

A disk may give other bytes than it was given. What is found corrupt is answered as if it were absent from then on: a
client that has it pushes it again, and the new bytes take its place in every repository.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName
from registry import limits
from registry.metadata.rows import VerifiableBlob
from registry.metadata.transaction import Transaction
from registry.services import stored_bytes
from registry.services.context import Services, now
from registry.services.progress import Progress, Unit, Watcher, unwatched
from storage_backends.errors import BlobNotFound, StorageError

_BATCH = 200
# What has to be read again at most when a verification is killed.
_UNRECORDED_BYTES = limits.GIB


class Fault(StrEnum):
    """What is wrong with a blob's bytes. All but UNREADABLE are answered with 404 from then on."""

    CORRUPT = "corrupt"
    MISSING = "missing"
    CUT_SHORT = "cut short"
    UNREADABLE = "unreadable"
    """The storage failed; another time it may not, so nothing is changed."""


@dataclass(frozen=True, slots=True)
class FaultyBlob:
    """A blob whose bytes are not what they should be, and the repositories and current tags that need it."""

    digest: Digest
    key: str
    size: int
    fault: Fault
    dependents: dict[RepositoryName, list[str]]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which blobs to verify: all, those not verified since a time, and of these only some by chance."""

    not_since: datetime | None = None
    sample: int | None = None


@dataclass(slots=True)
class Verified:
    """How many blobs were read, how many bytes, and how many blobs were at fault."""

    blobs: int = 0
    size: int = 0
    faulty: int = 0


async def verify(
    services: Services,
    selection: Selection,
    *,
    rate: float | None,
    told: Callable[[FaultyBlob], None],
    progress: Watcher = unwatched,
) -> Verified:
    """Read what `selection` names at no more than `rate` bytes a second; `told` learns of each blob at fault.

    Beside a running registry. A verification that was killed goes on when it is asked for what was not verified since
    it began.
    """
    selected = await _selected(services, selection)
    pace = _Pace(rate, selected.size, progress)
    verified, good, unrecorded = Verified(), list[VerifiableBlob](), 0
    async for blob in selected.blobs:
        fault = await _fault(services, blob, pace)
        verified.blobs += 1
        verified.size += blob.size
        if fault is None:
            good.append(blob)
            unrecorded += blob.size
        elif await _quarantine(services, blob, fault):
            verified.faulty += 1
            dependents = await services.database.read(_dependents, blob.digest)
            told(FaultyBlob(blob.digest, blob.key, blob.size, fault, dependents))
        if len(good) == _BATCH or unrecorded >= _UNRECORDED_BYTES:
            await services.database.write(_note_verified, good)
            good, unrecorded = [], 0
    await services.database.write(_note_verified, good)
    return verified


@dataclass(frozen=True, slots=True)
class _Selected:
    """The blobs to read, and their bytes together."""

    blobs: AsyncIterator[VerifiableBlob]
    size: int


class _Pace:
    """Lets so many bytes through in a second, on average since it was made, and tells how far they have come."""

    def __init__(self, rate: float | None, total: int, progress: Watcher) -> None:
        self._rate = rate
        self._total = total
        self._progress = progress
        self._began = asyncio.get_running_loop().time()
        self._passed = 0

    async def wait(self, size: int) -> None:
        """Return when the next `size` bytes may be read."""
        passed, self._passed = self._passed, self._passed + size
        self._progress(Progress("reading", self._passed, self._total, Unit.BYTES))
        if self._rate is None:
            return
        early_s = self._began + passed / self._rate - asyncio.get_running_loop().time()
        if early_s > 0:
            await asyncio.sleep(early_s)


async def _selected(services: Services, selection: Selection) -> _Selected:
    if selection.sample is not None:
        sample = await services.database.read(_sample, selection.sample, selection.not_since)
        return _Selected(_each(sample), sum(blob.size for blob in sample))
    size = await services.database.read(_total_size, selection.not_since)
    return _Selected(_stretches(services, selection.not_since), size)


async def _each(blobs: list[VerifiableBlob]) -> AsyncIterator[VerifiableBlob]:
    for blob in blobs:
        yield blob


async def _stretches(services: Services, not_since: datetime | None) -> AsyncIterator[VerifiableBlob]:
    after = 0
    while blobs := await services.database.read(_stretch, after, not_since):
        for blob in blobs:
            yield blob
        after = blobs[-1].id


async def _fault(services: Services, blob: VerifiableBlob, pace: _Pace) -> Fault | None:
    try:
        if await services.store.stat(blob.key) != blob.size:
            return Fault.CUT_SHORT
        actual = await stored_bytes.digest_of(services, blob.key, blob.digest.algorithm, before_block=pace.wait)
    except BlobNotFound:
        return Fault.MISSING
    except StorageError:
        return Fault.UNREADABLE
    return None if actual == blob.digest else Fault.CORRUPT


async def _quarantine(services: Services, blob: VerifiableBlob, fault: Fault) -> bool:
    """Whether the fault is the blob's: it may have been removed or healed while its old bytes were read."""
    if fault is Fault.UNREADABLE:
        return True
    return await services.database.write(_note_fault, blob, fault)


def _stretch(tx: Transaction, after: int, not_since: datetime | None) -> list[VerifiableBlob]:
    return tx.verification.stretch(after, _BATCH, not_since=not_since)


def _total_size(tx: Transaction, not_since: datetime | None) -> int:
    return tx.verification.totals(not_since=not_since)[1]


def _sample(tx: Transaction, count: int, not_since: datetime | None) -> list[VerifiableBlob]:
    return tx.verification.sample(count, not_since=not_since)


def _note_verified(tx: Transaction, blobs: list[VerifiableBlob]) -> None:
    tx.verification.note_verified(blobs, now())


def _note_fault(tx: Transaction, blob: VerifiableBlob, fault: Fault) -> bool:
    if fault is Fault.CORRUPT:
        return tx.verification.note_corrupt(blob)
    return tx.blobs.suspect(blob.id, blob.key)


def _dependents(tx: Transaction, digest: Digest) -> dict[RepositoryName, list[str]]:
    return tx.verification.dependents(digest)
