"""Comparing database and storage: what does not match is found, and nothing that is on its way is touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from registry.errors import BlobUnknown
from registry.services import garbage_collection, mounts, pull, reconciliation, uploads
from registry.services.context import Services, now
from registry.services.progress import Progress
from registry.services.reconciliation import DamagedBlob
from registry.services.upload_state import verified_state
from storage_backends.contract import StoredObject
from tests.registry.assembly import ON_SQLITE, access_to
from tests.registry.pushing import Pusher
from tests.registry.uploading import body, push_blob, stored_blobs, stored_bytes

pytestmark = ON_SQLITE

ACCESS = access_to("team/app")
OTHER = access_to("team/other")
CONTENT = b"content"
DIGEST = Digest.of(CONTENT)


async def stored_without_a_row(services: Services, content: bytes = CONTENT) -> StoredObject:
    """Commit bytes as a process does that dies before it records them."""
    state = await services.store.begin("sha256")
    async with services.store.session(state.key) as session:
        grown = await session.append(state, body(content).chunks)
        return await session.commit(grown, Digest.of(content))


async def strays(services: Services) -> set[StoredObject]:
    return {stray async for stray in reconciliation.strays(services)}


async def removed(services: Services) -> set[StoredObject]:
    return {stray async for stray in reconciliation.remove_strays(services)}


async def damaged(services: Services) -> list[DamagedBlob]:
    return [blob async for blob in reconciliation.damaged(services)]


async def test_where_all_is_well_nothing_is_found(services: Services, storage_root: Path) -> None:
    await Pusher.to(services, "team/app").image("1", layers=[b"one", b"two"])

    assert await strays(services) == await removed(services) == set()
    assert await damaged(services) == []
    assert len(stored_blobs(storage_root)) == 3


async def test_whoever_watches_learns_how_far_both_ways_have_come(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "_BATCH", 2)
    await Pusher.to(services, "team/app").image("1", layers=[b"one", b"two"])
    told: list[Progress] = []

    assert [stray async for stray in reconciliation.strays(services, progress=told.append)] == []
    assert [blob async for blob in reconciliation.damaged(services, progress=told.append)] == []

    assert told == [Progress("stored objects", 2, None), Progress("blobs", 2, 3), Progress("blobs", 3, 3)]


async def test_bytes_without_a_row_are_found_and_removed_when_asked(
    services: Services, storage_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "_BATCH", 2)
    lost = {await stored_without_a_row(services, f"lost {number}".encode()) for number in range(5)}
    for number in range(5):
        await push_blob(services, ACCESS, f"kept {number}".encode())

    assert await strays(services) == lost
    assert len(stored_blobs(storage_root)) == 10
    assert await removed(services) == lost
    assert len(stored_blobs(storage_root)) == 5
    assert await damaged(services) == []


async def test_a_copy_that_lost_against_another_is_a_stray_and_the_winner_is_not(services: Services) -> None:
    await push_blob(services, ACCESS, CONTENT)
    second = await stored_without_a_row(services)

    assert await removed(services) == {second}
    found = await pull.blob(services, ACCESS, DIGEST)
    assert await stored_bytes(services, found.key) == CONTENT


async def test_bytes_that_are_just_being_recorded_are_no_strays(services: Services, storage_root: Path) -> None:
    state = await services.store.begin("sha256")
    async with services.store.session(state.key) as session:
        await session.commit(await session.append(state, body(CONTENT).chunks), DIGEST)

        assert await strays(services) == await removed(services) == set()
    assert len(stored_blobs(storage_root)) == 1


async def test_bytes_of_a_session_that_can_be_gone_on_with_are_no_strays(services: Services) -> None:
    upload = await uploads.start(services, ACCESS, "sha256")
    upload = await uploads.append(services, ACCESS, upload.id, body(CONTENT))
    state = await verified_state(services, upload)
    async with services.store.session(upload.key) as session:
        await session.commit(state, DIGEST)

    assert await removed(services) == set()

    await uploads.finish(services, ACCESS, upload.id, DIGEST, body=body())
    found = await pull.blob(services, ACCESS, DIGEST)
    assert await stored_bytes(services, found.key) == CONTENT


async def test_a_removed_row_whose_bytes_are_still_to_go_leaves_a_stray(services: Services) -> None:
    await push_blob(services, ACCESS, CONTENT)
    await garbage_collection.collect(services, moment=now().replace(year=now().year + 1))

    assert len(await strays(services)) == 1


@pytest.mark.parametrize("left", [None, 3])
async def test_a_blob_that_lost_its_bytes_is_absent_until_it_is_pushed_again(
    services: Services, storage_root: Path, left: int | None
) -> None:
    await push_blob(services, ACCESS, CONTENT)
    await push_blob(services, OTHER, CONTENT)
    (path,) = stored_blobs(storage_root)
    if left is None:
        path.unlink()
    else:
        os.truncate(path, left)

    (found,) = await damaged(services)

    assert (found.digest, found.size, found.found) == (DIGEST, len(CONTENT), left)
    assert [str(name) for name in found.repositories] == ["team/app", "team/other"]
    for access in (ACCESS, OTHER):
        with pytest.raises(BlobUnknown):
            await pull.blob(services, access, DIGEST)
    assert not await mounts.mount(services, access_to("team/third"), DIGEST, ACCESS.repository)

    await push_blob(services, OTHER, CONTENT)
    for access in (ACCESS, OTHER):
        healed = await pull.blob(services, access, DIGEST)
        assert healed.key != found.key
        assert await stored_bytes(services, healed.key) == CONTENT
    assert await damaged(services) == []
    assert len(stored_blobs(storage_root)) == 1


async def test_a_blob_whose_disk_comes_back_is_served_again(services: Services, storage_root: Path) -> None:
    await push_blob(services, ACCESS, CONTENT)
    (path,) = stored_blobs(storage_root)
    away = path.rename(path.with_suffix(".away"))
    assert len(await damaged(services)) == 1

    away.rename(path)

    assert (await pull.blob(services, ACCESS, DIGEST)).size == len(CONTENT)
    assert await damaged(services) == []
