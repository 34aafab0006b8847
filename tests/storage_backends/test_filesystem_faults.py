"""Filesystems that are full, read-only or broken."""

import asyncio
import errno
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from storage_backends.contract import BlobStore
from storage_backends.errors import StorageError, StorageFull, StorageReadOnly, StorageUnavailable
from storage_backends.filesystem.faults import translated
from storage_backends.filesystem.store import FilesystemBlobStore
from tests.contracts.blob_store import MIB, append, commit, content_of, stored
from tests.patterns import pattern


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 4 MiB."""
    mountpoint = tmp_path / "disk"
    mountpoint.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(mountpoint)], check=True)
    yield mountpoint
    subprocess.run(["umount", str(mountpoint)], check=True)


@pytest.fixture
async def store(disk: Path) -> AsyncIterator[BlobStore]:
    store = FilesystemBlobStore(disk, pool_size=2)
    yield store
    await store.close()


@pytest.mark.root
async def test_a_full_disk_is_named_and_the_upload_can_go_on_from_where_it_was(store: BlobStore, disk: Path) -> None:
    state = await append(store, await store.begin("sha256"), pattern(MIB))

    with pytest.raises(StorageFull) as full:
        await append(store, state, *[bytes(MIB)] * 4)
    size_after_failure = (disk / "uploads" / state.key).stat().st_size
    state = await append(store, state, bytes(2 * MIB))
    blob = await commit(store, state, Digest.of(pattern(MIB) + bytes(2 * MIB)))

    assert isinstance(full.value.cause, OSError)
    assert full.value.cause.errno == errno.ENOSPC
    # What was not acknowledged takes no space from others.
    assert size_after_failure == MIB
    assert blob.size == 3 * MIB


@pytest.mark.root
async def test_in_one_session_too(store: BlobStore) -> None:
    state = await store.begin("sha256")

    async with store.session(state.key) as session:
        state = await session.append(state, _once(b"first "))
        with pytest.raises(StorageFull):
            await session.append(state, _once(bytes(5 * MIB)))
        state = await session.append(state, _once(b"second"))
        blob = await session.commit(state, Digest.of(b"first second"))

    assert await content_of(store, blob.key) == b"first second"


@pytest.mark.root
async def test_an_object_that_does_not_fit_leaves_the_old_one_and_nothing_else(store: BlobStore, disk: Path) -> None:
    await store.put_object("a", b"old")

    with pytest.raises(StorageFull):
        await store.put_object("a", bytes(5 * MIB))

    assert await store.get_object("a") == b"old"
    assert list((disk / "tmp").iterdir()) == []


@pytest.mark.root
async def test_the_last_room_of_a_disk_is_not_for_uploads(store: BlobStore, disk: Path) -> None:
    blob = await stored(store, bytes(64 << 10))
    state = await append(store, await store.begin("sha256"), b"begun")
    # A sixteenth of the disk is kept; this leaves a little less.
    (disk / "filling").write_bytes(bytes(os.statvfs(disk).f_bavail * 4096 - (200 << 10)))

    with pytest.raises(StorageFull):
        await append(store, state, b"more")
    await store.put_object("object", b"of the writing behind")
    await store.delete(blob.key)

    # That made enough room.
    state = await append(store, state, b"more")
    assert state.offset == len(b"begunmore")


@pytest.mark.root
async def test_a_probe_tells_of_a_full_disk(store: BlobStore, disk: Path) -> None:
    await store.probe()
    filling = disk / "filling"
    with pytest.raises(OSError, match="No space"):
        filling.write_bytes(bytes(5 * MIB))

    with pytest.raises(StorageFull):
        await store.probe()
    filling.unlink()

    await store.probe()


@pytest.mark.root
async def test_a_read_only_disk_takes_no_writes_and_gives_what_it_has(store: BlobStore, disk: Path) -> None:
    blob = await stored(store, b"kept")
    state = await append(store, await store.begin("sha256"), b"half")
    await store.put_object("object", b"kept")
    await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,ro", str(disk)], check=True)

    writes: list[Callable[[], Awaitable[object]]] = [
        lambda: append(store, state, b"more"),
        lambda: commit(store, state, Digest.of(b"half")),
        lambda: store.abort(state),
        lambda: store.delete(blob.key),
        lambda: store.put_object("object", b"new"),
        lambda: store.delete_object("object"),
        store.probe,
    ]
    for write in writes:
        with pytest.raises(StorageReadOnly):
            await write()
    restarted = FilesystemBlobStore(disk, pool_size=1)

    assert await content_of(restarted, blob.key) == b"kept"
    assert await restarted.get_object("object") == b"kept"
    assert await restarted.stat(blob.key) == 4
    await restarted.close()


@pytest.mark.root
async def test_a_read_only_disk_without_a_store_is_refused_at_the_start(disk: Path) -> None:
    await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,ro", str(disk)], check=True)

    with pytest.raises(StorageReadOnly):
        FilesystemBlobStore(disk / "storage", pool_size=1)


@pytest.mark.parametrize(
    ("number", "meaning"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.EROFS, StorageReadOnly),
        (errno.EIO, StorageUnavailable),
        (errno.EACCES, StorageUnavailable),
        (errno.ESTALE, StorageUnavailable),
        (errno.ENOENT, StorageUnavailable),
    ],
)
def test_what_the_system_refuses_has_one_meaning(number: int, meaning: type[StorageError]) -> None:
    cause = OSError(number, "refused")

    with pytest.raises(meaning) as refusal, translated():
        raise cause

    assert type(refusal.value) is meaning
    assert refusal.value.__cause__ is cause


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
