"""Moving the storage: what is copied beside a running registry, what is dropped, and the moment when copies count."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from oci_spec.reference import Tag
from registry.errors import BlobUnknown, UploadUnknown
from registry.jobs import index_objects as writing_behind
from registry.metadata.rows import BlobState
from registry.services import deletion, garbage_collection, pull, rebuild, storage_move, uploads
from registry.services.blob_move import Copied, NotCopied
from registry.services.context import Services, now
from registry.services.progress import Progress
from registry.services.storage_move import NotAllCopied, PlaceOccupied
from registry.services.verification import Fault
from storage_backends.contract import BlobStore
from storage_backends.filesystem.store import FilesystemBlobStore
from tests.registry.assembly import ON_SQLITE, OpenWorker, access_to, open_services
from tests.registry.pushing import Pusher
from tests.registry.services.everything import everything, fill, known_digests
from tests.registry.uploading import push_blob, stored_blobs, stored_bytes


@pytest.fixture
def new_root(tmp_path: Path) -> Path:
    return tmp_path / "new storage"


@pytest.fixture
async def target(new_root: Path) -> AsyncIterator[BlobStore]:
    store = FilesystemBlobStore(new_root, 4)
    yield store
    await store.close()


async def copied(services: Services, target: BlobStore) -> tuple[Copied, list[NotCopied]]:
    left: list[NotCopied] = []
    return await storage_move.copy(services, target, told=left.append), left


async def switched(services: Services, target: BlobStore, *, without_lost: bool = False) -> Copied:
    return await storage_move.switch(services, target, without_lost=without_lost, told=lambda _: None)


async def keys_named(services: Services) -> dict[str, str]:
    rows = await services.database.read(lambda tx: tx.verification.stretch(0, 10_000, not_since=None))
    return {row.key: str(row.digest) for row in rows}


async def keys_stored(store: BlobStore) -> set[str]:
    return {stored.key async for stored in store.list_keys()}


async def index_of(store: BlobStore) -> dict[str, bytes]:
    names = [name async for name in store.list_objects("repositories/")]
    return {name: await store.get_object(name) for name in names}


async def test_a_registry_is_the_same_after_its_storage_has_moved(
    services: Services, database_url: str, new_root: Path, target: BlobStore
) -> None:
    await fill(services, 3)
    await writing_behind.run(services)
    digests = await known_digests(services)
    before, index = await everything(services, digests), await index_of(services.store)
    old_keys = await keys_stored(services.store)

    first, left = await copied(services, target)
    second = await switched(services, target)

    assert left == []
    assert first.blobs == len(await keys_named(services))
    assert second.blobs == 0
    async with open_services(new_root, database_url) as moved:
        assert await everything(moved, digests) == before
        assert set(await keys_named(moved)) == await keys_stored(target)
        assert await index_of(target) == index
        await Pusher.to(moved, "team/app").image("after", layers=[b"pushed to the new storage"])
    assert await keys_stored(services.store) == old_keys


@ON_SQLITE
async def test_a_moved_registry_can_be_rebuilt_from_its_new_storage(
    services: Services, tmp_path: Path, new_root: Path, target: BlobStore, migrated_sqlite_file: Path
) -> None:
    await fill(services, 4)
    await copied(services, target)
    await switched(services, target)
    digests = await known_digests(services)
    again = tmp_path / "again.db"
    again.write_bytes(migrated_sqlite_file.read_bytes())

    async with open_services(new_root, f"sqlite:///{again}") as rebuilt:
        losses: list[object] = []
        await rebuild.rebuild(rebuilt, told=losses.append)
        after = await everything(rebuilt, digests)

    assert losses == []
    async with open_services(new_root, f"sqlite:///{tmp_path / 'registry.db'}") as moved:
        before = await everything(moved, digests)
    assert {name: (held.tags, held.blobs, held.referrers) for name, held in after.items()} == {
        name: (held.tags, held.blobs, held.referrers) for name, held in before.items()
    }


class Traffic:
    """Images that are pushed, and some of them deleted again, one after the other."""

    def __init__(self, services: Services) -> None:
        self.kept: dict[Tag, bytes] = {}
        self.deleted: list[Tag] = []
        self._services = services
        self._pusher = Pusher.to(services, "team/app")
        self._more = asyncio.Condition()

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            traffic = tasks.create_task(self._go_on())
            yield
            traffic.cancel()

    async def some(self) -> None:
        async with self._more:
            count = len(self.kept) + 5
            await self._more.wait_for(lambda: len(self.kept) >= count)

    async def _go_on(self) -> None:
        for number in itertools.count():
            tag, layer = Tag.parse(f"v{number}"), f"layer {number}".encode()
            image = await self._pusher.image(str(tag), "latest", layers=[layer, b"shared"])
            if number % 3 == 1:
                await deletion.manifest(self._services, self._pusher.access, Digest.parse(image["digest"]))
                await deletion.blob(self._services, self._pusher.access, Digest.of(layer))
                self.deleted.append(tag)
                continue
            self.kept[tag] = layer
            async with self._more:
                self._more.notify_all()


async def test_pushes_and_deletions_during_the_copies_are_there_after_the_switch(
    open_worker: OpenWorker, database_url: str, new_root: Path, target: BlobStore
) -> None:
    services = await open_worker(gc_grace_s=0)
    traffic = Traffic(services)
    async with traffic.going_on():
        await traffic.some()
        await copied(services, target)
        await traffic.some()
        await garbage_collection.collect(services)
        await copied(services, target)
        await traffic.some()
    await garbage_collection.collect(services)

    await switched(services, target)

    async with open_services(new_root, database_url) as moved:
        for tag, layer in traffic.kept.items():
            found = await pull.manifest(moved, access_to("team/app"), tag)
            assert Digest.of(found.content) == found.digest
            blob = await pull.blob(moved, access_to("team/app"), Digest.of(layer))
            assert await stored_bytes(moved, blob.key) == layer
        assert set(await keys_named(moved)) == await keys_stored(target)
        await writing_behind.run(services)
        assert await index_of(target) == await index_of(services.store)
        assert traffic.deleted


@ON_SQLITE
async def test_what_is_deleted_and_pushed_again_between_two_copies_is_there_once(
    open_worker: OpenWorker, target: BlobStore
) -> None:
    services = await open_worker(gc_grace_s=0)
    digest = await push_blob(services, access_to("app"), b"content")
    await copied(services, target)
    await deletion.blob(services, access_to("app"), digest)
    await garbage_collection.collect(services)
    await push_blob(services, access_to("app"), b"content")

    report, _ = await copied(services, target)
    again, _ = await copied(services, target)

    assert (report.dropped, report.blobs) == (1, 1)
    assert (again.dropped, again.blobs) == (0, 0)
    [key] = await keys_stored(target)
    assert (target.digest_of(key), target.size_of(key)) == (digest, len(b"content"))
    assert [name async for name in target.list_objects("blobs/")] == []


@ON_SQLITE
async def test_a_copy_that_was_broken_off_goes_on(services: Services, target: BlobStore) -> None:
    for number in range(12):
        await push_blob(services, access_to("app"), f"content {number}".encode())

    class BrokenOff(Exception):
        pass

    def break_off(progress: Progress) -> None:
        if progress.done >= 90:
            raise BrokenOff

    with pytest.raises(BrokenOff):
        await storage_move.copy(services, target, told=lambda _: None, progress=break_off)
    begun = len(await keys_stored(target))
    report, left = await copied(services, target)

    assert left == []
    assert 0 < begun < 12
    assert report.blobs <= 12 - begun + 4
    assert {f"content {number}".encode() for number in range(12)} == {
        await stored_bytes(replace(services, store=target), key) for key in await keys_stored(target)
    }


@ON_SQLITE
async def test_what_cannot_be_copied_is_named_and_keeps_the_switch_waiting(
    services: Services, storage_root: Path, database_url: str, new_root: Path, target: BlobStore
) -> None:
    contents = {Fault.MISSING: b"lost", Fault.CUT_SHORT: b"cut short", Fault.CORRUPT: b"rotten"}
    image = await Pusher.to(services, "app").image("1", layers=[*contents.values(), b"good"])
    damage(storage_root)

    _, left = await copied(services, target)
    with pytest.raises(NotAllCopied):
        await switched(services, target)
    before = await keys_named(services)
    await switched(services, target, without_lost=True)

    assert {each.fault: each.blob.digest for each in left} == {
        fault: Digest.of(content) for fault, content in contents.items()
    }
    assert set(before) == await keys_stored(services.store) | {each.blob.key for each in left}
    async with open_services(new_root, database_url) as moved:
        for content in contents.values():
            with pytest.raises(BlobUnknown):
                await pull.blob(moved, access_to("app"), Digest.of(content))
            await push_blob(moved, access_to("app"), content)
            healed = await pull.blob(moved, access_to("app"), Digest.of(content))
            assert await stored_bytes(moved, healed.key) == content
        good = await pull.blob(moved, access_to("app"), Digest.of(b"good"))
        assert good.state is BlobState.PRESENT
        assert str((await pull.manifest(moved, access_to("app"), Tag.parse("1"))).digest) == image["digest"]


def damage(root: Path) -> None:
    for path in stored_blobs(root):
        path.chmod(0o600)
        content = path.read_bytes()
        if content == b"lost":
            path.unlink()
        elif content == b"cut short":
            path.write_bytes(b"cut")
        elif content == b"rotten":
            path.write_bytes(b"rotted")


class PushedInto(FilesystemBlobStore):
    """A place at whose very last object something is pushed to the registry that moves."""

    services: Services | None = None

    async def put_object(self, name: str, content: bytes) -> None:
        if self.services is not None:
            await push_blob(self.services, access_to("app"), b"pushed in the last moment")
        await super().put_object(name, content)


@ON_SQLITE
async def test_a_push_between_the_last_copy_and_the_switch_stops_it(services: Services, new_root: Path) -> None:
    target = PushedInto(new_root, 4)
    await Pusher.to(services, "app").image("1")
    await copied(services, target)

    target.services = services
    with pytest.raises(NotAllCopied):
        await switched(services, target)
    target.services = None
    await switched(services, target)

    assert set(await keys_named(services)) == await keys_stored(target)
    await target.close()


@ON_SQLITE
async def test_upload_sessions_end_with_the_switch(services: Services, target: BlobStore) -> None:
    upload = await uploads.start(services, access_to("app"), "sha256")
    await copied(services, target)

    await switched(services, target)

    with pytest.raises(UploadUnknown):
        await uploads.status(services, access_to("app"), upload.id)


@ON_SQLITE
async def test_a_place_that_holds_anything_else_is_refused(
    services: Services, target: BlobStore, tmp_path: Path, migrated_sqlite_file: Path
) -> None:
    other = tmp_path / "other.db"
    other.write_bytes(migrated_sqlite_file.read_bytes())
    async with open_services(tmp_path / "other storage", f"sqlite:///{other}") as another:
        await copied(another, target)
    with pytest.raises(PlaceOccupied):
        await copied(services, target)

    used = FilesystemBlobStore(tmp_path / "used", 2)
    await used.put_object("blobs/some", b"thing")
    with pytest.raises(PlaceOccupied):
        await copied(services, used)
    await used.close()


@ON_SQLITE
async def test_after_more_time_than_events_are_kept_all_objects_are_written_anew(
    open_worker: OpenWorker, target: BlobStore
) -> None:
    services = await open_worker(event_retention_s=0)
    pusher = Pusher.to(services, "app")
    image = await pusher.image("gone", layers=[b"layer"])
    await copied(services, target)
    await deletion.manifest(services, pusher.access, Digest.parse(image["digest"]))
    await pusher.image("new", layers=[b"layer"])
    await writing_behind.run(services)
    await services.database.write(lambda tx: tx.outbox.trim(now(), 1000))

    await copied(services, target)

    assert await index_of(target) == await index_of(services.store)
