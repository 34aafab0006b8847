"""The index objects of repositories at the place to which the storage is moving.

At first all of them are written, from what the database says; later only those that events have been about since.
Events may be followed twice, or late: what is written is the state found now.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from itertools import groupby

from oci_spec.reference import RepositoryName
from registry.metadata.rows import OutboxEvent
from registry.metadata.transaction import Transaction
from registry.services import index_objects, index_reading
from registry.services.blob_move import Place
from registry.services.context import Services
from registry.services.events import EventKind
from registry.services.index_objects import LINKS, MANIFESTS, TAGS, Objects
from registry.services.index_reading import IndexObjectBroken
from registry.services.progress import Progress, Watcher

# Manifests are in memory meanwhile, and each may be of 4 MiB.
_TOGETHER = 16
_EVENTS = 200


async def write_all(services: Services, place: Place, progress: Watcher) -> None:
    """Write the objects of all that repositories hold, and remove those of what they do not.

    Raises:
        StorageError: the place took no more.
    """
    async for name in place.store.list_objects("repositories/"):
        # What an earlier attempt wrote may be gone by now.
        try:
            where = index_reading.place(name)
        except IndexObjectBroken:
            continue
        await _apply(place, await services.database.read(_named, [(where.repository, where.part, where.rest)]))
    done = 0
    async for some in _everything(services):
        await _apply(place, await services.database.read(_named, some))
        done += len(some)
        progress(Progress("index objects", done, None))


async def follow(services: Services, place: Place, since: datetime) -> None:
    """Bring the objects that events recorded `since` then have been about.

    Raises:
        StorageError: the place took no more.
    """
    async for events in _events(services, since):
        for is_whole, some in groupby(events, lambda event: event.kind == EventKind.REPOSITORY_DELETED):
            if is_whole:
                for event in some:
                    repository = RepositoryName.parse(event.payload["repository"])
                    await index_objects.refresh(services.database, place.store, repository)
            else:
                # Which blobs there are is not told by events: they have other keys at that place.
                about = [event for event in some if event.kind != EventKind.BLOB_REMOVED]
                for start in range(0, len(about), _TOGETHER):
                    together = about[start : start + _TOGETHER]
                    await _apply(place, await services.database.read(index_objects.states, services.store, together))


async def _apply(place: Place, objects: Objects) -> None:
    of_repositories = {name: content for name, content in objects.items() if name.startswith("repositories/")}
    await index_objects.apply(place.store, of_repositories)


async def _events(services: Services, since: datetime) -> AsyncIterator[list[OutboxEvent]]:
    after = 0
    while events := await services.database.read(_since, since, after):
        yield events
        after = events[-1].id


_Name = tuple[RepositoryName, str, str]


async def _everything(services: Services) -> AsyncIterator[list[_Name]]:
    pair: tuple[int, int] | None = (0, 0)
    while pair is not None:
        links, pair = await services.database.read(_links, pair)
        yield links
    for read in (_manifests, _tags):
        after: int | None = 0
        while after is not None:
            names, after = await services.database.read(read, after)
            yield names


def _links(tx: Transaction, after: tuple[int, int]) -> tuple[list[_Name], tuple[int, int] | None]:
    links, further = tx.contents.links(after, _EVENTS)
    return [(name, LINKS, f"{digest.algorithm}/{digest.encoded}") for name, digest in links], further


def _manifests(tx: Transaction, after: int) -> tuple[list[_Name], int | None]:
    manifests, further = tx.contents.manifests(after, _TOGETHER)
    return [(name, MANIFESTS, f"{digest.algorithm}/{digest.encoded}") for name, digest in manifests], further


def _tags(tx: Transaction, after: int) -> tuple[list[_Name], int | None]:
    tags, further = tx.contents.tags(after, _EVENTS)
    return [(name, TAGS, str(tag)) for name, tag in tags], further


def _named(tx: Transaction, names: Sequence[_Name]) -> Objects:
    objects: Objects = {}
    for repository, part, rest in names:
        objects |= index_objects.named(tx, repository, part, rest)
    return objects


def _since(tx: Transaction, moment: datetime, after: int) -> list[OutboxEvent]:
    return tx.outbox.since(moment, after, _EVENTS)
