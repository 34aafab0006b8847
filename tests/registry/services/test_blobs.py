"""Blobs on their way into repositories: stored once, and healed by the next push."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from registry.errors import BlobUnknown, StorageFull
from registry.metadata.rows import Blob, BlobState
from registry.services import mounts, pull, uploads
from registry.services.context import Services
from tests.registry.assembly import ON_SQLITE, OpenWorker, access_to, open_services
from tests.registry.full_disk import copied_database, filled, small_disk
from tests.registry.uploading import body, push_blob, spend_lease, stored_blobs, stored_bytes, upload_files

ACCESS = access_to("team/app")
OTHER = access_to("team/other")
CONTENT = b"bytes that many have " * 20
DIGEST = Digest.of(CONTENT)


async def row(services: Services) -> Blob:
    found = await services.database.read(lambda tx: tx.blobs.find(DIGEST))
    assert found is not None
    return found


async def push_in_a_session(services: Services) -> None:
    upload = await uploads.start(services, ACCESS, "sha256")
    await uploads.append(services, ACCESS, upload.id, body(CONTENT[:9]))
    await uploads.finish(services, ACCESS, upload.id, DIGEST, body=body(CONTENT[9:]))


async def test_one_blob_pushed_sixteen_times_at_once_is_stored_once(
    open_worker: OpenWorker, storage_root: Path
) -> None:
    workers = [await open_worker(), await open_worker()]

    await asyncio.gather(
        *(push_blob(workers[turn % 2], ACCESS if turn % 3 else OTHER, CONTENT) for turn in range(8)),
        *(push_in_a_session(workers[turn % 2]) for turn in range(8)),
    )

    [file] = stored_blobs(storage_root)
    assert file.read_bytes() == CONTENT
    assert str(file).endswith((await row(workers[0])).key)
    assert upload_files(storage_root) == []
    for access in (ACCESS, OTHER):
        assert (await pull.blob(workers[0], access, DIGEST)).size == len(CONTENT)


@ON_SQLITE
async def test_pushing_again_keeps_the_stored_copy(services: Services, storage_root: Path) -> None:
    await push_blob(services, ACCESS, CONTENT)
    [first] = stored_blobs(storage_root)

    await push_blob(services, ACCESS, CONTENT)
    await push_in_a_session(services)

    assert stored_blobs(storage_root) == [first]


@ON_SQLITE
@pytest.mark.parametrize("damage", ["gone", "cut short", "known to be broken"])
async def test_pushing_again_heals_a_broken_copy(services: Services, storage_root: Path, damage: str) -> None:
    await push_blob(services, ACCESS, CONTENT)
    before = await row(services)
    [file] = stored_blobs(storage_root)
    if damage == "gone":
        file.unlink()
    elif damage == "cut short":
        file.write_bytes(CONTENT[:-1])
    else:
        file.write_bytes(CONTENT[::-1])
        await services.database.write(lambda tx: tx.blobs.suspect(before.id, before.key))

    await push_blob(services, OTHER, CONTENT)

    [healed] = stored_blobs(storage_root)
    after = await row(services)
    assert healed.read_bytes() == CONTENT
    assert (after.id, after.state) == (before.id, BlobState.PRESENT)
    assert after.key != before.key
    linked = await pull.blob(services, ACCESS, DIGEST)
    assert await stored_bytes(services, linked.key) == CONTENT


async def test_a_broken_copy_is_healed_by_one_of_many_pushes_at_once(
    open_worker: OpenWorker, storage_root: Path
) -> None:
    workers = [await open_worker(), await open_worker()]
    await push_blob(workers[0], ACCESS, CONTENT)
    [file] = stored_blobs(storage_root)
    file.unlink()

    await asyncio.gather(*(push_blob(workers[turn % 2], ACCESS, CONTENT) for turn in range(16)))

    [healed] = stored_blobs(storage_root)
    assert str(healed).endswith((await row(workers[0])).key)
    assert healed.read_bytes() == CONTENT
    # The first good copy stays: whoever is about to read it must find it.
    events = await workers[0].database.read(lambda tx: tx.outbox.pending(1000))
    assert [event.kind for event in events].count("blob.moved") == 1


@ON_SQLITE
@pytest.mark.parametrize("damage", ["gone", "cut short"])
async def test_a_client_that_asks_first_is_told_to_push_again(
    services: Services, storage_root: Path, damage: str
) -> None:
    await push_blob(services, ACCESS, CONTENT)
    blob = await pull.blob(services, ACCESS, DIGEST)
    [file] = stored_blobs(storage_root)
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(CONTENT[:-1])

    with pytest.raises(BlobUnknown):
        await pull.open_blob(services, ACCESS, blob)

    with pytest.raises(BlobUnknown):
        await pull.blob(services, ACCESS, DIGEST)
    assert not await mounts.mount(services, OTHER, DIGEST, ACCESS.repository)
    await push_blob(services, OTHER, CONTENT)
    healed = await pull.blob(services, ACCESS, DIGEST)
    async with await pull.open_blob(services, ACCESS, healed) as reader:
        assert b"".join([chunk async for chunk in reader.chunks(0, reader.size)]) == CONTENT


@ON_SQLITE
async def test_a_copy_that_comes_back_is_served_again(services: Services, storage_root: Path) -> None:
    """As after a disk that was not mounted: nothing was lost, so nobody has to push again."""
    await push_blob(services, ACCESS, CONTENT)
    blob = await pull.blob(services, ACCESS, DIGEST)
    [file] = stored_blobs(storage_root)
    away = file.rename(storage_root / "away")
    with pytest.raises(BlobUnknown):
        await pull.open_blob(services, ACCESS, blob)

    away.rename(file)

    again = await pull.blob(services, ACCESS, DIGEST)
    await (await pull.open_blob(services, ACCESS, again)).close()


@pytest.fixture
async def on_small_disk(
    tmp_path: Path, storage_root: Path, migrated_sqlite_file: Path
) -> AsyncIterator[tuple[Services, Path]]:
    """Services whose database, and nothing else, is on a small disk, and that disk."""
    with small_disk(tmp_path / "disk") as disk:
        async with open_services(storage_root, copied_database(migrated_sqlite_file, disk)) as services:
            yield services, disk


@pytest.mark.root
async def test_a_push_that_finds_the_database_full_leaves_no_bytes(
    on_small_disk: tuple[Services, Path], storage_root: Path
) -> None:
    services, disk = on_small_disk

    with filled(disk), pytest.raises(StorageFull):
        await push_blob(services, ACCESS, CONTENT)

    assert stored_blobs(storage_root) == []
    assert upload_files(storage_root) == []


@pytest.mark.root
async def test_a_session_closed_again_after_the_database_was_full_is_a_blob(
    on_small_disk: tuple[Services, Path], storage_root: Path
) -> None:
    services, disk = on_small_disk
    upload = await uploads.start(services, ACCESS, "sha256")
    await uploads.append(services, ACCESS, upload.id, body(CONTENT))
    with filled(disk), pytest.raises(StorageFull):
        await uploads.finish(services, ACCESS, upload.id, DIGEST, body=body())

    await uploads.finish(services, ACCESS, upload.id, DIGEST, body=body())

    [file] = stored_blobs(storage_root)
    assert file.read_bytes() == CONTENT
    assert (await pull.blob(services, ACCESS, DIGEST)).size == len(CONTENT)


@pytest.mark.root
async def test_a_full_database_does_not_end_pulls(on_small_disk: tuple[Services, Path]) -> None:
    services, disk = on_small_disk
    await push_blob(services, ACCESS, CONTENT)
    await spend_lease(services, ACCESS, DIGEST, left_s=1)

    with filled(disk):
        found = await pull.blob(services, ACCESS, DIGEST)

    assert await stored_bytes(services, found.key) == CONTENT


@pytest.mark.root
async def test_bytes_that_are_gone_are_unknown_also_where_that_cannot_be_noted(
    on_small_disk: tuple[Services, Path], storage_root: Path
) -> None:
    services, disk = on_small_disk
    await push_blob(services, ACCESS, CONTENT)
    blob = await pull.blob(services, ACCESS, DIGEST)
    [file] = stored_blobs(storage_root)
    file.unlink()

    with filled(disk), pytest.raises(BlobUnknown):
        await pull.open_blob(services, ACCESS, blob)
