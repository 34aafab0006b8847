"""Exporting image layouts: what goes out, what is refused, and that nothing is lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from oci_spec.errors import ImageLayoutInvalid
from oci_spec.image_layout import INDEX_FILE, LayoutEntry, blob_path, parse_index
from oci_spec.reference import Tag, fallback_tag
from registry import limits
from registry.errors import BlobUnknown, DigestMismatch, ManifestUnknown, RepositoryUnknown
from registry.jobs import index_objects
from registry.services import deletion, garbage_collection, layout_export, lease_keeping, pull, referrers, tags
from registry.services.context import Services, now
from registry.services.garbage_report import GarbageKind
from registry.services.layout_export import Selection
from registry.services.progress import Progress, Unit
from storage_backends.layouts.contract import LayoutWriter
from storage_backends.layouts.writing import folder_target
from tests.registry.assembly import ON_SQLITE, OpenWorker, access_to
from tests.registry.metadata.raw_sql import execute
from tests.registry.pushing import ARM64, Document, Pusher
from tests.registry.services.layouts import export_to, import_from, reading
from tests.registry.uploading import push_blob, spend_lease, stored_blobs
from tests.storage_backends.layouts.archives import whole

APP, COPY = access_to("team/app"), access_to("team/copy")


def digest_of(descriptor: Document) -> Digest:
    return Digest.parse(descriptor["digest"])


async def entries(path: Path) -> dict[str, Digest]:
    """What the layout at `path` lists: by tag, and what has none by its digest."""
    async with reading(path) as layout:
        listed = parse_index(await layout.file(INDEX_FILE, 1 << 20) or b"")
    return {str(entry.tag or entry.descriptor.digest): entry.descriptor.digest for entry in listed}


async def listed_for_regctl(services: Services, *subjects: Document) -> dict[str, Digest]:
    """The entries of the lists of what refers to `subjects`, under their fallback tags."""
    pages = [(subject, await referrers.page(services, APP, digest_of(subject))) for subject in subjects]
    return {str(fallback_tag(digest_of(subject))): Digest.of(page.content) for subject, page in pages}


@pytest.fixture
async def pushed(services: Services) -> dict[str, Document]:
    """An image, an index of it and another one, what refers to the image and what refers to that; and a loose image."""
    pusher = Pusher(services, APP)
    image = await pusher.image("1", "latest", layers=[b"one", bytes(2 << 20)])
    other = await pusher.image(config=ARM64, layers=[b"two"])
    index = await pusher.index("many", manifests=[image, other])
    signature = await pusher.image(layers=[b"signature"], subject=image)
    proof = await pusher.image(layers=[b"proof"], subject=signature)
    await pusher.image(layers=[b"loose"])
    return {"image": image, "other": other, "index": index, "signature": signature, "proof": proof}


@pytest.mark.parametrize("name", ["layout", "layout.tar"])
async def test_a_repository_goes_out_and_comes_back_the_same(
    services: Services, pushed: dict[str, Document], tmp_path: Path, name: str
) -> None:
    exported = await export_to(services, APP, tmp_path / name)
    imported = await import_from(services, COPY, tmp_path / name)

    assert {str(tag) for tag in exported.tags} == {"1", "latest", "many"}
    assert (imported.tags, imported.untagged) == (exported.tags, [])
    assert (exported.manifests, exported.absent) == (5, 0)
    signature, proof = digest_of(pushed["signature"]), digest_of(pushed["proof"])
    assert await entries(tmp_path / name) == {
        "1": digest_of(pushed["image"]),
        "latest": digest_of(pushed["image"]),
        "many": digest_of(pushed["index"]),
        str(signature): signature,
        str(proof): proof,
        **await listed_for_regctl(services, pushed["image"], pushed["signature"]),
    }
    for digest in map(digest_of, pushed.values()):
        before, after = [await pull.manifest(services, access, digest) for access in (APP, COPY)]
        assert (before.content, before.media_type) == (after.content, after.media_type)
    assert (await tags.page(services, COPY, None, None)).names == ["1", "latest", "many"]
    assert (await pull.blob(services, COPY, Digest.of(b"proof"))).size == 5


async def test_only_what_is_asked_for_goes_out(services: Services, pushed: dict[str, Document], tmp_path: Path) -> None:
    index, other = digest_of(pushed["index"]), digest_of(pushed["other"])

    await export_to(services, APP, tmp_path / "tag", references=(Tag.parse("many"),), with_referrers=False)
    await export_to(services, APP, tmp_path / "digest", references=(other,))

    assert await entries(tmp_path / "tag") == {"many": index}
    assert await entries(tmp_path / "digest") == {str(other): other}
    async with reading(tmp_path / "tag") as layout:
        assert await layout.size(Digest.of(b"two")) == 3
        assert await layout.size(Digest.of(b"signature")) is None


async def test_what_is_not_there_is_refused_and_no_layout_is_made(
    services: Services, pushed: dict[str, Document], tmp_path: Path
) -> None:
    for access, references, error in (
        (access_to("team/none"), (), RepositoryUnknown),
        (APP, (Tag.parse("none"),), ManifestUnknown),
        (APP, (Digest.of(b"none"),), ManifestUnknown),
    ):
        with pytest.raises(error):
            await export_to(services, access, tmp_path / "layout", references=references)

    assert not (tmp_path / "layout" / INDEX_FILE).exists()


@ON_SQLITE
async def test_more_than_one_layout_can_list_is_refused(
    services: Services, pushed: dict[str, Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LAYOUT_ENTRIES", 2)

    with pytest.raises(ImageLayoutInvalid, match="at most 2 entries"):
        await export_to(services, APP, tmp_path / "layout.tar")


@ON_SQLITE
async def test_stored_bytes_that_are_corrupt_do_not_go_out(
    services: Services, pushed: dict[str, Document], tmp_path: Path, storage_root: Path
) -> None:
    [file] = [path for path in stored_blobs(storage_root) if path.name.startswith(Digest.of(b"one").encoded)]
    file.write_bytes(b"eno")

    for name in ("layout", "layout.tar"):
        with pytest.raises(DigestMismatch):
            await export_to(services, APP, tmp_path / name)

    assert not (tmp_path / "layout.tar").exists()
    assert not (tmp_path / "layout" / INDEX_FILE).exists()
    assert not (tmp_path / "layout" / blob_path(Digest.of(b"one"))).exists()


@ON_SQLITE
async def test_an_image_that_lost_a_layer_is_refused_unless_sparse_ones_are_allowed(
    services: Services, open_worker: OpenWorker, pushed: dict[str, Document], tmp_path: Path
) -> None:
    lenient = await open_worker(sparse_manifests=True)
    await deletion.blob(services, APP, Digest.of(b"two"))
    await deletion.manifest(services, APP, digest_of(pushed["image"]))

    with pytest.raises((BlobUnknown, ManifestUnknown)):
        await export_to(services, APP, tmp_path / "refused")
    exported = await export_to(lenient, APP, tmp_path / "layout")

    assert exported.absent == 2
    assert set(await entries(tmp_path / "layout")) == {"many"}


@ON_SQLITE
async def test_an_export_goes_on_with_what_is_there_already(
    services: Services, pushed: dict[str, Document], tmp_path: Path
) -> None:
    first = await export_to(services, APP, tmp_path / "layout")
    (tmp_path / "layout" / blob_path(Digest.of(b"two"))).unlink()
    (tmp_path / "layout" / INDEX_FILE).unlink()

    again = await export_to(services, APP, tmp_path / "layout")

    assert first.copied == first.manifests + first.blobs + len(["image", "signature"])
    assert (again.copied, again.copied_size) == (1, 3)
    assert len(await entries(tmp_path / "layout")) == 7


@ON_SQLITE
async def test_whoever_watches_learns_how_many_bytes_have_gone(
    services: Services, pushed: dict[str, Document], tmp_path: Path
) -> None:
    told: list[Progress] = []

    async with folder_target(tmp_path / "layout") as target:
        exported = await layout_export.export(services, APP, Selection(), target, progress=told.append)

    copying = [progress for progress in told if progress.unit is Unit.BYTES]
    assert copying[0] == Progress("copying", 0, exported.size, Unit.BYTES)
    assert copying[-1] == Progress("copying", exported.size, exported.size, Unit.BYTES)


class _Paused(LayoutWriter):
    """A target that waits before its first blob until the test says so."""

    def __init__(self, target: LayoutWriter) -> None:
        self.reached, self.released = asyncio.Event(), asyncio.Event()
        self._target = target

    async def holds(self, digest: Digest, size: int) -> bool:
        self.reached.set()
        await self.released.wait()
        return await self._target.holds(digest, size)

    async def put(self, digest: Digest, size: int, chunks: AsyncIterator[bytes]) -> None:
        await self._target.put(digest, size, chunks)

    async def finish(self, entries: Sequence[LayoutEntry]) -> None:
        await self._target.finish(entries)


@asynccontextmanager
async def paused_export(services: Services, path: Path) -> AsyncIterator[None]:
    """An export that has found everything and written nothing, until the block ends; then it ends well."""
    async with folder_target(path) as target, asyncio.TaskGroup() as tasks:
        paused = _Paused(target)
        tasks.create_task(layout_export.export(services, APP, Selection(), paused))
        await paused.reached.wait()
        try:
            yield
        finally:
            paused.released.set()


async def test_a_collection_beside_an_export_takes_nothing_from_it(
    services: Services, open_worker: OpenWorker, pushed: dict[str, Document], tmp_path: Path, database_url: str
) -> None:
    collecting = await open_worker(gc_grace_s=0)
    # As if all of it had been pushed long ago.
    await execute(database_url, "UPDATE link SET lease_until = 1", "UPDATE manifest_lease SET lease_until = 1")
    async with paused_export(services, tmp_path / "layout"):
        for tag in ("1", "latest", "many"):
            await deletion.tag(services, APP, Tag.parse(tag))
        report = await garbage_collection.collect(collecting, moment=now() + timedelta(minutes=20))
        await index_objects.run(collecting)

    assert report.total(GarbageKind.BLOB).count == 1, "the layer of the loose image"
    async with reading(tmp_path / "layout") as layout:
        assert await whole(layout, Digest.of(b"proof")) == b"proof"
        assert await layout.size(digest_of(pushed["index"])) is not None


@ON_SQLITE
async def test_an_export_keeps_what_it_has_found_however_long_it_takes(
    services: Services, pushed: dict[str, Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_keeping, "_PAUSE_S", 0.01)
    digest = Digest.of(b"proof")
    async with paused_export(services, tmp_path / "layout"), asyncio.timeout(100):
        await spend_lease(services, APP, digest, left_s=1)
        moment = now()
        while await leased_until(services, digest) < moment + timedelta(seconds=limits.LEASE_S):
            await push_blob(services, COPY, b"something else, until the lease is a new one")

    assert (tmp_path / "layout" / INDEX_FILE).exists()


async def leased_until(services: Services, digest: Digest) -> datetime:
    found = await services.database.lookups.linked_blob(APP.repository, digest)
    assert found is not None
    return found.lease_until
