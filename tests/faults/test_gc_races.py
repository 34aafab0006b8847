"""Collections beside pushes: whatever the moment, what was acknowledged stays whole, and all else goes in the end."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST
from oci_spec.reference import Reference, Tag
from registry import limits
from registry.auth.access import Access
from registry.errors import BlobUnknown, ManifestBlobUnknown, ManifestUnknown, RepositoryUnknown
from registry.services import deletion, garbage_collection, index_objects, mounts, pull, tags
from registry.services.context import Services, now
from registry.services.garbage_report import GarbageItem, GarbageKind
from tests.faults.collecting_process import collecting_process
from tests.registry.assembly import OpenWorker, access_to
from tests.registry.metadata.raw_sql import execute
from tests.registry.pushing import Document, Pusher
from tests.registry.uploading import push_blob, stored_blobs, stored_bytes

ACCESS = access_to("team/app")
OTHER = access_to("team/other")
CONTENT = b"a layer that is garbage until somebody wants it"
DIGEST = Digest.of(CONTENT)

Interruption = Callable[[Services], Awaitable[Any]]


async def _head(services: Services) -> None:
    await pull.blob(services, ACCESS, DIGEST)


async def _mount(services: Services) -> None:
    assert await mounts.mount(services, OTHER, DIGEST, ACCESS.repository)


async def _mount_and_delete_the_source(services: Services) -> None:
    await _mount(services)
    await deletion.blob(services, ACCESS, DIGEST)


async def _push_again(services: Services) -> None:
    await push_blob(services, ACCESS, CONTENT)


async def _push_a_manifest(services: Services) -> None:
    layer = {"mediaType": OCI_LAYER_GZIP, "digest": str(DIGEST), "size": len(CONTENT)}
    pusher = Pusher.to(services, "team/app")
    config = await pusher.blob(b"{}", "application/vnd.oci.image.config.v1+json")
    await pusher.manifest({"mediaType": OCI_MANIFEST, "config": config, "layers": [layer]}, "1")


@pytest.mark.parametrize("interruption", [_head, _mount, _mount_and_delete_the_source, _push_again, _push_a_manifest])
@pytest.mark.parametrize("before", ["_take_links", "_take_blobs"])
async def test_a_blob_that_is_wanted_between_being_found_and_being_removed_stays(
    open_worker: OpenWorker, database_url: str, monkeypatch: pytest.MonkeyPatch, before: str, interruption: Interruption
) -> None:
    collector, worker = await open_worker(), await open_worker()
    await push_blob(worker, ACCESS, CONTENT)
    await _rest(database_url)
    answered: list[bool] = []

    async def interrupt() -> None:
        try:
            await interruption(worker)
            answered.append(True)
        except (BlobUnknown, ManifestBlobUnknown, AssertionError):
            # A client that is told that the blob is not here pushes it.
            answered.append(False)
            await push_blob(worker, ACCESS, CONTENT)

    async with _interrupted(collector, before, interrupt, monkeypatch):
        await garbage_collection.collect(collector)
    await _write_behind(collector)

    assert len(answered) == 1
    assert answered == [before == "_take_links" or interruption is _push_again]
    mounted = answered[0] and interruption in (_mount, _mount_and_delete_the_source)
    found = await pull.blob(worker, OTHER if mounted else ACCESS, DIGEST)
    assert await stored_bytes(worker, found.key) == CONTENT


async def _ask_by_digest(services: Services, image: Digest) -> None:
    await pull.manifest(services, ACCESS, image)


async def _tag_it(services: Services, image: Digest) -> None:
    await tags.point(services, ACCESS, Tag.parse("1"), image)


async def _list_it(services: Services, image: Digest) -> None:
    found = await services.database.lookups.manifest_by_digest(ACCESS.repository, image)
    size = 0 if found is None else found.size
    child = {"mediaType": OCI_MANIFEST, "digest": str(image), "size": size}
    await Pusher.to(services, "team/app").index("1", manifests=[child])


@pytest.mark.parametrize("interruption", [_ask_by_digest, _tag_it, _list_it])
@pytest.mark.parametrize("before", ["_take_manifests", "_take_links"])
async def test_a_manifest_that_is_wanted_between_being_found_and_being_removed_stays_whole(
    open_worker: OpenWorker, database_url: str, monkeypatch: pytest.MonkeyPatch, before: str, interruption: Any
) -> None:
    collector, worker = await open_worker(), await open_worker()
    image = Digest.parse((await Pusher.to(worker, "team/app").image(layers=[b"one", b"two"]))["digest"])
    await _rest(database_url)
    answered: list[bool] = []

    async def interrupt() -> None:
        try:
            await interruption(worker, image)
            answered.append(True)
        except (ManifestUnknown, ManifestBlobUnknown):
            answered.append(False)

    async with _interrupted(collector, before, interrupt, monkeypatch):
        await garbage_collection.collect(collector)
    await _write_behind(collector)

    assert answered == [before == "_take_manifests"]
    if answered[0]:
        await _pull_whole(worker, ACCESS, image)
    else:
        with pytest.raises(ManifestUnknown):
            await pull.manifest(worker, ACCESS, image)


@pytest.mark.timeout(600)
async def test_sixteen_pushes_beside_two_collectors_lose_nothing(
    open_worker: OpenWorker, database_url: str, monkeypatch: pytest.MonkeyPatch, storage_root: Path
) -> None:
    # A short time, so that much becomes garbage while the test runs.
    monkeypatch.setattr(limits, "LEASE_S", 2)
    workers = [await open_worker(gc_grace_s=1) for _ in range(2)]
    crowd = _Crowd(workers, random.Random(7))
    collectors = [asyncio.create_task(crowd.collect(worker)) for worker in workers]

    await asyncio.gather(*(crowd.push(number, rounds=25) for number in range(16)))
    for collector in collectors:
        collector.cancel()
        with suppress(asyncio.CancelledError):
            await collector

    assert crowd.broken == []
    for name, tag in sorted(crowd.tagged):
        await _pull_whole(workers[0], access_to(name), Tag.parse(tag))
    await garbage_collection.collect(workers[1], moment=now() + timedelta(hours=2))
    await _write_behind(workers[1])
    for name, tag in sorted(crowd.tagged):
        await _pull_whole(workers[0], access_to(name), Tag.parse(tag))
    await _assert_stored_is_recorded(database_url, storage_root)


@pytest.mark.timeout(300)
async def test_a_collector_killed_again_and_again_leaves_nothing_and_breaks_nothing(
    open_worker: OpenWorker, database_url: str, storage_root: Path
) -> None:
    services = await open_worker()
    kept = await Pusher.to(services, "team/kept").image("1", layers=[b"kept"])
    for lines in (1, 2, 5, 9, 14, 20):
        for number in range(8):
            layers = [f"{lines} {number}".encode(), b"shared", b"kept"]
            await Pusher.to(services, f"team/app{number % 3}").image(layers=layers)
        with collecting_process(storage_root, database_url) as process:
            assert process.stdout is not None
            for _ in range(lines + 1):
                await asyncio.to_thread(process.stdout.readline)
            process.kill()
        await _pull_whole(services, access_to("team/kept"), Tag.parse("1"))

    await garbage_collection.collect(services, moment=now() + timedelta(hours=2))
    await _write_behind(services)

    await _pull_whole(services, access_to("team/kept"), Tag.parse("1"))
    await _assert_stored_is_recorded(database_url, storage_root)
    assert len(stored_blobs(storage_root)) == 2
    assert kept["digest"]


class _Crowd:
    """Clients that push images of few tags and shared layers, and what they saw go wrong."""

    def __init__(self, workers: list[Services], chance: random.Random) -> None:
        self.workers = workers
        self.chance = chance
        self.broken: list[str] = []
        self.tagged: set[tuple[str, str]] = set()
        self.removed = dict.fromkeys(GarbageKind, 0)

    async def collect(self, worker: Services) -> None:
        """Collect for ever."""
        while True:
            await garbage_collection.collect(worker, told=self._count)
            await index_objects.write_behind(worker)

    async def push(self, number: int, *, rounds: int) -> None:
        """Push one image after another, as clients do it: ask for each part, and push or mount what is not there.

        That goes on for so many rounds, and until enough was removed for them to have met the collectors.
        """
        while rounds > 0 or min(self.removed[GarbageKind.MANIFEST], self.removed[GarbageKind.BLOB]) <= 20:
            rounds -= 1
            worker = self.chance.choice(self.workers)
            name, tag = f"team/app{number % 4}", f"t{self.chance.randrange(3)}"
            began = now()
            try:
                await self._push_one(worker, Pusher.to(worker, name), tag)
            except (ManifestBlobUnknown, BlobUnknown, ManifestUnknown) as error:
                # Positive answers are good for half a lease; this machine may have taken longer than that.
                if now() - began < timedelta(seconds=limits.LEASE_S) / 2:
                    self.broken.append(f"{name}:{tag}: {error!r}")
                continue
            self.tagged.add((name, tag))

    async def _push_one(self, worker: Services, pusher: Pusher, tag: str) -> None:
        layers = [await self._have(worker, pusher, self.chance.randrange(400)) for _ in range(2)]
        config = await self._have(worker, pusher, self.chance.randrange(400))
        image = await pusher.manifest({"mediaType": OCI_MANIFEST, "config": config, "layers": layers})
        if self.chance.random() < 0.5:
            await pull.manifest(self.chance.choice(self.workers), pusher.access, Digest.parse(image["digest"]))
            await pusher.manifest({"mediaType": OCI_INDEX, "manifests": [image]}, tag)
        else:
            await tags.point(worker, pusher.access, Tag.parse(tag), Digest.parse(image["digest"]))

    async def _have(self, worker: Services, pusher: Pusher, number: int) -> Document:
        content = f"layer {number}".encode()
        digest = Digest.of(content)
        try:
            await pull.blob(self.chance.choice(self.workers), pusher.access, digest)
        except BlobUnknown:
            if self.chance.random() < 0.5:
                return await pusher.blob(content, OCI_LAYER_GZIP)
            await self._mount_from_a_source_that_goes(worker, pusher.access, content)
        return {"mediaType": OCI_LAYER_GZIP, "digest": str(digest), "size": len(content)}

    async def _mount_from_a_source_that_goes(self, worker: Services, access: Access, content: bytes) -> None:
        source, digest = access_to("team/source"), Digest.of(content)
        with suppress(BlobUnknown):
            await pull.blob(worker, source, digest)
        if not await mounts.mount(worker, access, digest, source.repository):
            await push_blob(worker, access, content)
            await push_blob(self.chance.choice(self.workers), source, content)
        with suppress(BlobUnknown, RepositoryUnknown):
            await deletion.blob(worker, source, digest)

    def _count(self, item: GarbageItem) -> None:
        self.removed[item.kind] += 1


@asynccontextmanager
async def _interrupted(
    services: Services, unit_name: str, interrupt: Callable[[], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """Let `interrupt` happen once, just before the unit of work of this name, which makes room, is first run."""
    reclaim: Callable[..., Awaitable[Any]] = services.database.reclaim
    due = True

    async def interrupted(unit: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        nonlocal due
        if due and unit.__name__ == unit_name:
            due = False
            await interrupt()
        return await reclaim(unit, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(services.database, "reclaim", interrupted)
        yield
    assert not due


async def _rest(database_url: str) -> None:
    """Let all that was pushed so far have been pushed, and leased, three hours earlier."""
    ago = 3 * 3600 * 1_000_000
    await execute(
        database_url,
        f"UPDATE manifest SET pushed_at = pushed_at - {ago}",
        f"UPDATE manifest_lease SET lease_until = lease_until - {ago}",
        f"UPDATE link SET lease_until = lease_until - {ago}, created_at = created_at - {ago}",
        f"UPDATE blob SET created_at = created_at - {ago} RETURNING id",
    )


async def _write_behind(services: Services) -> None:
    while await index_objects.write_behind(services):
        pass


async def _pull_whole(services: Services, access: Access, reference: Reference) -> None:
    """Pull what `reference` names, with all children and blobs."""
    waiting: list[Reference] = [reference]
    while waiting:
        document = json.loads((await pull.manifest(services, access, waiting.pop())).content)
        waiting += [Digest.parse(child["digest"]) for child in document.get("manifests", ())]
        for descriptor in (*document.get("layers", ()), *filter(None, [document.get("config")])):
            blob = await pull.blob(services, access, Digest.parse(descriptor["digest"]))
            assert Digest.of(await stored_bytes(services, blob.key)) == blob.digest


async def _assert_stored_is_recorded(database_url: str, root: Path) -> None:
    """Every stored object is that of a row, and the other way round."""
    keys = {key for (key,) in await execute(database_url, "SELECT key FROM blob")}
    assert {str(path.relative_to(root / "blobs")) for path in stored_blobs(root)} == keys
