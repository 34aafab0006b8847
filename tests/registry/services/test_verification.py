"""Verification: stored bytes are read again, and what is corrupt is as if absent until a push heals it."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName
from registry.errors import BlobUnknown, ManifestBlobUnknown
from registry.metadata.rows import BlobState
from registry.services import mounts, pull, verification
from registry.services.context import Services, now
from registry.services.progress import Progress
from registry.services.verification import Fault, FaultyBlob, Selection, Verified
from storage_backends.contract import BlobReader
from storage_backends.errors import StorageUnavailable
from storage_backends.filesystem.store import FilesystemBlobStore
from tests.registry.assembly import ON_SQLITE, OpenWorker, access_to
from tests.registry.pushing import Pusher
from tests.registry.uploading import push_blob, stored_blobs, stored_bytes

APP, OTHER = access_to("app"), access_to("other")
CONTENT = b"what was pushed"
DIGEST = Digest.of(CONTENT)


async def verify(services: Services, **selection: object) -> tuple[Verified, list[FaultyBlob]]:
    faulty: list[FaultyBlob] = []
    chosen = Selection(**selection)  # type: ignore[arg-type]
    return await verification.verify(services, chosen, rate=None, told=faulty.append), faulty


def file_of(root: Path, digest: Digest) -> Path:
    [file] = [path for path in stored_blobs(root) if path.name.startswith(digest.encoded)]
    return file


def corrupt(root: Path, digest: Digest) -> None:
    """Turn one bit, as a disk may."""
    file = file_of(root, digest)
    content = bytearray(file.read_bytes())
    content[0] ^= 1
    file.write_bytes(content)


class BrokenDisk(FilesystemBlobStore):
    """A store whose files are all there, and cannot be read."""

    async def open(self, key: str) -> BlobReader:
        raise StorageUnavailable(OSError(errno.EIO, "as a broken disk says"))


async def test_good_bytes_are_good(services: Services) -> None:
    await push_blob(services, APP, CONTENT)
    await push_blob(services, APP, b"x" * (3 << 20), "sha512")
    await push_blob(services, APP, b"")

    verified, faulty = await verify(services)

    assert (verified, faulty) == (Verified(blobs=3, size=len(CONTENT) + (3 << 20)), [])


async def test_whoever_watches_learns_of_every_block_of_the_selected_bytes(services: Services) -> None:
    await push_blob(services, APP, b"x" * (3 << 20))
    began = now()
    verified, _ = await verify(services)
    await push_blob(services, APP, b"new")

    async def watched(selection: Selection) -> list[Progress]:
        told: list[Progress] = []
        await verification.verify(services, selection, rate=None, told=lambda _: None, progress=told.append)
        return told

    everything = await watched(Selection())
    sample = await watched(Selection(sample=1))

    assert verified.size == 3 << 20
    assert [progress.done for progress in everything] == [1 << 20, 2 << 20, 3 << 20, (3 << 20) + 3]
    assert {progress.total for progress in everything} == {(3 << 20) + 3}
    assert sample[-1].done == sample[-1].total
    assert await watched(Selection(not_since=began)) == []


async def test_a_turned_bit_is_found_with_all_that_needs_the_blob(services: Services, storage_root: Path) -> None:
    app, other = Pusher.to(services, "app"), Pusher.to(services, "other")
    image = await app.image("direct", layers=[CONTENT])
    inner = await app.index(manifests=[image])
    await app.index("through-indexes", manifests=[inner])
    await app.image("without", layers=[b"something else"])
    await other.blob(CONTENT, "application/octet-stream")
    key = (await pull.blob(services, APP, DIGEST)).key
    corrupt(storage_root, DIGEST)

    verified, faulty = await verify(services)

    dependents = {RepositoryName.parse("app"): ["direct", "through-indexes"], RepositoryName.parse("other"): []}
    assert faulty == [FaultyBlob(DIGEST, key, len(CONTENT), Fault.CORRUPT, dependents)]
    assert (verified.blobs, verified.faulty) == (3, 1)


async def test_what_is_corrupt_is_as_if_absent_until_it_is_pushed_again(services: Services, storage_root: Path) -> None:
    pusher = Pusher.to(services, "app")
    await pusher.image("1", layers=[CONTENT])
    broken = file_of(storage_root, DIGEST)
    corrupt(storage_root, DIGEST)
    before = await pull.blob(services, APP, DIGEST)
    await verify(services)

    with pytest.raises(BlobUnknown):
        await pull.blob(services, APP, DIGEST)
    assert not await mounts.mount(services, OTHER, DIGEST, APP.repository)
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": str(DIGEST), "size": len(CONTENT)}
    with pytest.raises(ManifestBlobUnknown):
        await pusher.manifest(
            {"mediaType": "application/vnd.oci.image.manifest.v1+json", "config": layer, "layers": [layer]}
        )
    # Its size is right, and nobody who looks only at that may bring it back.
    await services.database.write(lambda tx: tx.blobs.suspect(before.blob_id, before.key))
    with pytest.raises(BlobUnknown):
        await pull.blob(services, APP, DIGEST)

    await push_blob(services, OTHER, CONTENT)

    healed = await pull.blob(services, APP, DIGEST)
    assert await stored_bytes(services, healed.key) == CONTENT
    assert not broken.exists()
    assert (await verify(services))[1] == []


@ON_SQLITE
@pytest.mark.parametrize("fault", [Fault.MISSING, Fault.CUT_SHORT])
async def test_what_is_not_whole_is_found_and_served_again_when_it_is_back(
    services: Services, storage_root: Path, fault: Fault
) -> None:
    await push_blob(services, APP, CONTENT)
    file = file_of(storage_root, DIGEST)
    if fault is Fault.MISSING:
        file.unlink()
    else:
        os.truncate(file, 3)

    _, faulty = await verify(services)

    assert [blob.fault for blob in faulty] == [fault]
    with pytest.raises(BlobUnknown):
        await pull.blob(services, APP, DIGEST)
    file.write_bytes(CONTENT)
    assert (await pull.blob(services, APP, DIGEST)).state is BlobState.SUSPECT
    assert (await verify(services))[1] == []
    assert (await pull.blob(services, APP, DIGEST)).state is BlobState.PRESENT


@ON_SQLITE
async def test_a_storage_that_fails_changes_nothing(services: Services, storage_root: Path) -> None:
    await push_blob(services, APP, CONTENT)
    broken = BrokenDisk(storage_root, 1)

    _, faulty = await verify(replace(services, store=broken))
    await broken.close()

    assert [blob.fault for blob in faulty] == [Fault.UNREADABLE]
    blob = await services.database.lookups.linked_blob(APP.repository, DIGEST)
    assert blob is not None
    assert blob.state is BlobState.PRESENT


@ON_SQLITE
async def test_a_quarantine_is_lifted_when_the_bytes_are_good_again(services: Services, storage_root: Path) -> None:
    await push_blob(services, APP, CONTENT)
    corrupt(storage_root, DIGEST)
    await verify(services)
    corrupt(storage_root, DIGEST)

    assert (await verify(services))[1] == []

    assert (await pull.blob(services, APP, DIGEST)).state is BlobState.PRESENT


async def test_only_what_was_not_verified_since_is_read(services: Services) -> None:
    await push_blob(services, APP, CONTENT)
    began = now()
    assert (await verify(services, not_since=began))[0].blobs == 1
    await push_blob(services, APP, b"pushed since")

    again = await verify(services, not_since=began)
    later = await verify(services, not_since=now() + timedelta(seconds=1))

    assert (again[0].blobs, later[0].blobs) == (1, 2)


async def test_a_sample_is_as_large_as_asked_for(services: Services) -> None:
    for number in range(10):
        await push_blob(services, APP, f"content {number}".encode())
    began = now()

    first = await verify(services, sample=4, not_since=began)
    second = await verify(services, sample=100, not_since=began)

    assert (first[0].blobs, second[0].blobs) == (4, 6)


@ON_SQLITE
async def test_more_blobs_than_one_batch_are_all_read(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "_BATCH", 3)
    for number in range(10):
        await push_blob(services, APP, f"content {number}".encode())

    assert (await verify(services))[0].blobs == 10
    assert (await verify(services, not_since=now() - timedelta(hours=1)))[0].blobs == 0


@ON_SQLITE
async def test_bytes_are_read_no_faster_than_said(services: Services) -> None:
    await push_blob(services, APP, bytes(4 << 20))
    began = time.monotonic()

    await verification.verify(services, Selection(), rate=8 << 20, told=lambda _: None)

    # The last of four blocks of a MiB may begin after three eighths of a second.
    assert time.monotonic() - began >= 0.375


@ON_SQLITE
async def test_what_is_healed_while_its_old_bytes_are_read_stays_healed(
    open_worker: OpenWorker, storage_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, other = await open_worker(), await open_worker()
    digest = await push_blob(services, APP, CONTENT)
    blob = await pull.blob(services, APP, digest)
    corrupt(storage_root, digest)
    await services.database.write(lambda tx: tx.blobs.suspect(blob.blob_id, blob.key))
    begun, healed_meanwhile = asyncio.Event(), asyncio.Event()
    faulty: list[FaultyBlob] = []

    async def held(_pace: object, _size: int) -> None:
        begun.set()
        await healed_meanwhile.wait()

    monkeypatch.setattr(verification._Pace, "wait", held)
    reading = asyncio.create_task(verification.verify(services, Selection(), rate=None, told=faulty.append))
    await begun.wait()
    await push_blob(other, APP, CONTENT)
    healed_meanwhile.set()
    await reading

    assert faulty == []
    healed = await pull.blob(services, APP, digest)
    assert healed.state is BlobState.PRESENT
    assert healed.key != blob.key
