"""Giving space back while serving: manifests that nothing names, links that no manifest needs, blobs without a link.

Each removal asks again, in its own transaction, whether what was found to be garbage still is
(`registry.metadata.garbage`), so that pushes and several collections may run at the same time. A blob's bytes are
removed by the writing behind, which learns of it in the transaction that removes the row: whoever dies in between
leaves nothing behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from oci_spec.digest import Digest
from registry.auth.access import Access
from registry.auth.subject import system
from registry.metadata.garbage_values import (
    GarbageTerms,
    Holders,
    LooseLink,
    LooseManifest,
    RestingBlob,
    removal_order,
)
from registry.metadata.rows import Repository
from registry.metadata.transaction import Transaction
from registry.services import events
from registry.services.context import Services, now
from registry.services.events import About, EventKind
from registry.services.garbage_report import GarbageItem, GarbageKind, GarbageReport, Listener, Reason, unheard
from registry.services.progress import Progress, Watcher, unwatched

T = TypeVar("T")

_STRETCH = 500
_REMOVED_AT_ONCE = 100
_COLLECTOR = system("garbage-collection")


async def collect(
    services: Services, *, moment: datetime | None = None, told: Listener = unheard, progress: Watcher = unwatched
) -> GarbageReport:
    """Remove all garbage, as of `moment` (now), and tell what it was; the bytes of blobs follow by writing behind.

    Raises:
        DatabaseUnavailable, DatabaseBusy: what was removed by then stays removed.
    """
    sweep = _Sweep(services, _terms(services, moment), told)
    async for repository in _repositories(services, progress):
        plan = await _planned(sweep, repository)
        for manifests in (*_parts(plan.trees, _REMOVED_AT_ONCE), plan.rings):
            await _remove_manifests(sweep, plan, manifests)
        async for links in _loose_links(sweep, repository):
            await _remove_links(sweep, plan, [link for link in links if not link.referenced])
    async for blobs in _resting_blobs(sweep, progress):
        await _remove_blobs(sweep, [blob for blob in blobs if not blob.linked])
    return sweep.report


async def survey(
    services: Services, *, moment: datetime | None = None, told: Listener = unheard, progress: Watcher = unwatched
) -> GarbageReport:
    """Tell what `collect` would remove, without writing: also what becomes garbage only when other garbage is gone."""
    sweep = _Sweep(services, _terms(services, moment), told)
    async for repository in _repositories(services, progress):
        plan = await _planned(sweep, repository)
        for manifest in (*plan.trees, *plan.rings):
            sweep.note_manifest(plan, manifest)
        async for links in _loose_links(sweep, repository):
            for link in await _needless(sweep, plan, links):
                sweep.note_link(plan, link)
    async for blobs in _resting_blobs(sweep, progress):
        for blob in await _abandoned(sweep, blobs):
            sweep.note_blob(blob)
    return sweep.report


@dataclass(frozen=True, slots=True)
class _Sweep:
    """One collection or survey, and what it has come upon; `freed` counts by blob the links that go."""

    services: Services
    terms: GarbageTerms
    told: Listener
    report: GarbageReport = field(default_factory=GarbageReport)
    freed: Counter[int] = field(default_factory=Counter)

    def note_manifest(self, plan: _Plan, manifest: LooseManifest) -> None:
        reason = _why(manifest, plan.holders[manifest.id])
        self._note(GarbageItem(GarbageKind.MANIFEST, reason, plan.repository.name, manifest.digest, manifest.size))

    def note_link(self, plan: _Plan, link: LooseLink) -> None:
        reason = Reason.MANIFESTS_GOING if link.digest in plan.references else Reason.UNREFERENCED
        self._note(GarbageItem(GarbageKind.LINK, reason, plan.repository.name, link.digest, link.size))
        self.freed[link.blob_id] += 1

    def note_blob(self, blob: RestingBlob) -> None:
        reason = Reason.LINKS_GOING if blob.id in self.freed else Reason.UNLINKED
        self._note(GarbageItem(GarbageKind.BLOB, reason, None, blob.digest, blob.size))

    def _note(self, item: GarbageItem) -> None:
        self.report.add(item)
        self.told(item)


@dataclass(frozen=True, slots=True)
class _Plan:
    """The manifests of a repository that may go, what holds each, and how often they refer to each digest."""

    repository: Repository
    trees: list[LooseManifest]
    rings: list[LooseManifest]
    holders: Mapping[int, Holders]
    references: Mapping[Digest, int]


def _terms(services: Services, moment: datetime | None) -> GarbageTerms:
    until = moment or now()
    return GarbageTerms(until, until - timedelta(seconds=services.settings.gc_grace_s))


def _why(manifest: LooseManifest, holders: Holders) -> Reason:
    if holders.parents:
        return Reason.PARENTS_GOING
    if holders.subject is not None:
        return Reason.SUBJECT_GOING
    return Reason.UNTAGGED if manifest.subject is None else Reason.SUBJECT_MISSING


async def _repositories(services: Services, progress: Watcher) -> AsyncIterator[Repository]:
    # Only who watches wants to know how many there are.
    total = None if progress is unwatched else await services.database.read(_count)
    last: Repository | None = None
    done = 0
    while True:
        page = await services.database.read(_page, last)
        for repository in page:
            yield repository
            done += 1
            progress(Progress("repositories", done, total))
        if len(page) < _STRETCH:
            return
        last = page[-1]


async def _planned(sweep: _Sweep, repository: Repository) -> _Plan:
    if sweep.services.settings.keep_untagged:
        return _Plan(repository, [], [], {}, {})
    database = sweep.services.database
    loose: list[LooseManifest] = []
    holders: dict[int, Holders] = {}
    after: Digest | None = None
    while True:
        found, after = await database.read(_manifests, repository, sweep.terms, after)
        loose += found
        holders |= await database.read(_holders, repository, found)
        if after is None:
            break
    order = removal_order(loose, holders)
    references: Counter[Digest] = Counter()
    for part in _parts([*order.trees, *order.rings], _STRETCH):
        references.update(await database.read(_references, part))
    return _Plan(repository, order.trees, order.rings, holders, references)


async def _loose_links(sweep: _Sweep, repository: Repository) -> AsyncIterator[list[LooseLink]]:
    after: int | None = None
    while True:
        found, after = await sweep.services.database.read(_links, repository, sweep.terms, after)
        yield found
        if after is None:
            return


async def _resting_blobs(sweep: _Sweep, progress: Watcher) -> AsyncIterator[list[RestingBlob]]:
    after: int | None = None
    done = 0
    while True:
        found, after = await sweep.services.database.read(_blobs, sweep.terms, after)
        yield found
        done += len(found)
        progress(Progress("blobs", done, None))
        if after is None:
            return


async def _needless(sweep: _Sweep, plan: _Plan, links: Sequence[LooseLink]) -> list[LooseLink]:
    """Those of `links` that no manifest refers to but those that go."""
    doubtful = [link.digest for link in links if link.referenced and link.digest in plan.references]
    counts = await sweep.services.database.read(_reference_counts, plan.repository, doubtful) if doubtful else {}
    return [
        link for link in links if not link.referenced or counts.get(link.digest) == plan.references.get(link.digest, 0)
    ]


async def _abandoned(sweep: _Sweep, blobs: Sequence[RestingBlob]) -> list[RestingBlob]:
    """Those of `blobs` that no repository links but by links that go."""
    doubtful = [blob.id for blob in blobs if blob.linked and blob.id in sweep.freed]
    counts = await sweep.services.database.read(_link_counts, doubtful) if doubtful else {}
    return [blob for blob in blobs if not blob.linked or counts.get(blob.id) == sweep.freed.get(blob.id, 0)]


async def _remove_manifests(sweep: _Sweep, plan: _Plan, manifests: Sequence[LooseManifest]) -> None:
    if manifests:
        ids = [manifest.id for manifest in manifests]
        for removed in await sweep.services.database.reclaim(_take_manifests, plan.repository, ids, sweep.terms):
            sweep.note_manifest(plan, removed)


async def _remove_links(sweep: _Sweep, plan: _Plan, links: Sequence[LooseLink]) -> None:
    for part in _parts(links, _REMOVED_AT_ONCE):
        ids = [link.blob_id for link in part]
        for removed in await sweep.services.database.reclaim(_take_links, plan.repository, ids, sweep.terms):
            sweep.note_link(plan, removed)


async def _remove_blobs(sweep: _Sweep, blobs: Sequence[RestingBlob]) -> None:
    for part in _parts(blobs, _REMOVED_AT_ONCE):
        for removed in await sweep.services.database.reclaim(_take_blobs, [blob.id for blob in part], sweep.terms):
            sweep.note_blob(removed)


def _count(tx: Transaction) -> int:
    return tx.repositories.count()


def _page(tx: Transaction, last: Repository | None) -> list[Repository]:
    return tx.repositories.list(_STRETCH, None if last is None else last.name)


def _manifests(
    tx: Transaction, repository: Repository, terms: GarbageTerms, after: Digest | None
) -> tuple[list[LooseManifest], Digest | None]:
    return tx.garbage.loose_manifests(repository, terms, after, _STRETCH)


def _holders(tx: Transaction, repository: Repository, loose: list[LooseManifest]) -> dict[int, Holders]:
    return tx.garbage.holders(repository.id, loose)


def _references(tx: Transaction, manifests: Sequence[LooseManifest]) -> dict[Digest, int]:
    return tx.garbage.references([manifest.id for manifest in manifests])


def _reference_counts(tx: Transaction, repository: Repository, digests: list[Digest]) -> dict[Digest, int]:
    return tx.garbage.reference_counts(repository.id, digests)


def _links(
    tx: Transaction, repository: Repository, terms: GarbageTerms, after: int | None
) -> tuple[list[LooseLink], int | None]:
    return tx.garbage.loose_links(repository, terms, after, _STRETCH)


def _blobs(tx: Transaction, terms: GarbageTerms, after: int | None) -> tuple[list[RestingBlob], int | None]:
    return tx.garbage.resting_blobs(terms, after, _STRETCH)


def _link_counts(tx: Transaction, blob_ids: list[int]) -> dict[int, int]:
    return tx.garbage.link_counts(blob_ids)


def _take_manifests(
    tx: Transaction, repository: Repository, ids: list[int], terms: GarbageTerms
) -> list[LooseManifest]:
    removed = tx.garbage.remove_manifests(repository, ids, terms)
    about = About(Access(_COLLECTOR, repository.name), now())
    for manifest in removed:
        events.record(tx, EventKind.MANIFEST_DELETED, about, digest=manifest.digest)
    return removed


def _take_links(tx: Transaction, repository: Repository, ids: list[int], terms: GarbageTerms) -> list[LooseLink]:
    removed = tx.garbage.remove_links(repository, ids, terms)
    about = About(Access(_COLLECTOR, repository.name), now())
    for link in removed:
        events.record(tx, EventKind.BLOB_UNLINKED, about, digest=link.digest)
    return removed


def _take_blobs(tx: Transaction, ids: list[int], terms: GarbageTerms) -> list[RestingBlob]:
    removed = tx.garbage.remove_blobs(ids, terms)
    for blob in removed:
        events.record_removed_blob(tx, blob.digest, blob.key, now())
    return removed


def _parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
