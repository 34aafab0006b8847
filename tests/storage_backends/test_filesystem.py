import asyncio
import os
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from storage_backends.contract import BlobStore
from storage_backends.errors import BlobNotFound, ObjectNameInvalid, StorageUnavailable, UploadLost
from storage_backends.filesystem.store import FilesystemBlobStore
from tests.contracts.blob_store import (
    MIB,
    BlobStoreContract,
    Filling,
    append,
    chunks,
    commit,
    content_of,
    stored,
)
from tests.patterns import pattern


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "storage"


@pytest.fixture
async def store(root: Path) -> AsyncIterator[BlobStore]:
    store = FilesystemBlobStore(root, pool_size=4)
    yield store
    await store.close()


@pytest.fixture
async def peer(root: Path, store: BlobStore) -> AsyncIterator[BlobStore]:
    peer = FilesystemBlobStore(root, pool_size=2)
    yield peer
    await peer.close()


class TestFilesystemBlobStore(BlobStoreContract):
    """The contract, on a real folder."""


async def test_a_person_finds_a_blob_by_its_digest(store: BlobStore, root: Path) -> None:
    digest = Digest.of(b"find me", "sha512")

    blob = await stored(store, b"find me", "sha512")

    (found,) = (root / "blobs" / "sha512" / digest.encoded[:2]).glob(f"{digest.encoded}.*")
    assert found.read_bytes() == b"find me"
    assert blob.key == str(found.relative_to(root / "blobs"))


@pytest.mark.parametrize("to_commit", [False, True])
@pytest.mark.parametrize("come", [chunks, Filling])
async def test_no_byte_stands_under_a_digest_that_is_not_on_the_disk(
    store: BlobStore,
    monkeypatch: pytest.MonkeyPatch,
    come: Callable[..., AsyncIterator[bytes]],
    *,
    to_commit: bool,
) -> None:
    on_disk: dict[int, int] = {}
    named: list[tuple[int, int]] = []
    sync, rename = os.fdatasync, Path.rename

    def syncing(descriptor: int) -> None:
        sync(descriptor)
        about = os.fstat(descriptor)
        on_disk[about.st_ino] = about.st_size

    def renaming(path: Path, target: Path) -> Path:
        about = path.stat()
        named.append((on_disk.get(about.st_ino, 0), about.st_size))
        return rename(path, target)

    monkeypatch.setattr(os, "fdatasync", syncing)
    monkeypatch.setattr(Path, "rename", renaming)
    state = await store.begin("sha256")
    async with store.session(state.key) as session:
        state = await session.append(state, come(b"first "))
        state = await session.append(state, come(pattern(3 * MIB), b"last"), to_commit=to_commit)
        await session.commit(state, Digest.of(b"first " + pattern(3 * MIB) + b"last"))

    assert named == [(3 * MIB + 10, 3 * MIB + 10)]


@pytest.mark.parametrize("touched", [False, True])
async def test_a_commit_syncs_only_what_was_touched_since_the_last_sync(
    store: BlobStore, root: Path, monkeypatch: pytest.MonkeyPatch, *, touched: bool
) -> None:
    state = await append(store, await store.begin("sha256"), b"recorded")
    path = root / "uploads" / state.key
    if touched:
        # As somebody leaves it who wrote on, and died, and somebody who cut that off, and died before the disk knew.
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    synced: list[int] = []
    sync = os.fdatasync

    def syncing(descriptor: int) -> None:
        sync(descriptor)
        synced.append(descriptor)

    monkeypatch.setattr(os, "fdatasync", syncing)

    blob = await commit(store, state, Digest.of(b"recorded"))

    assert await content_of(store, blob.key) == b"recorded"
    assert len(synced) == touched


async def test_bytes_beyond_the_recorded_offset_are_cut_off(store: BlobStore, root: Path) -> None:
    state = await append(store, await store.begin("sha256"), b"recorded")
    path = root / "uploads" / state.key

    path.write_bytes(b"recorded" + b"\0" * 100)
    blob = await commit(store, await append(store, state, b"!"), Digest.of(b"recorded!"))

    assert await content_of(store, blob.key) == b"recorded!"


@pytest.mark.parametrize("hash_state", ["kept", "lost"])
async def test_a_commit_cuts_them_off_too(store: BlobStore, root: Path, hash_state: str) -> None:
    state = await append(store, await store.begin("sha256"), b"recorded")
    (root / "uploads" / state.key).write_bytes(b"recorded" + b"\0" * 100)

    state = state if hash_state == "kept" else replace(state, hash_state=b"")
    blob = await commit(store, state, Digest.of(b"recorded"))

    assert await store.stat(blob.key) == 8


async def test_an_upload_shorter_than_recorded_is_lost(store: BlobStore, root: Path) -> None:
    state = await append(store, await store.begin("sha256"), b"recorded")
    (root / "uploads" / state.key).write_bytes(b"rec")

    with pytest.raises(UploadLost) as lost:
        await append(store, state, b"!")
    with pytest.raises(UploadLost):
        await commit(store, state, Digest.of(b"recorded"))
    with pytest.raises(UploadLost):
        await commit(store, replace(state, hash_state=b""), Digest.of(b"recorded"))

    assert lost.value.key == state.key
    assert [blob async for blob in store.list_keys()] == []


async def test_a_small_blob_in_the_page_cache_is_had_at_once(store: BlobStore, root: Path) -> None:
    small, large = await stored(store, pattern(64 << 10)), await stored(store, pattern((64 << 10) + 1))

    path = root / "blobs" / small.key
    cached = path.read_bytes() if _tells_what_is_cached(path) else None

    assert store.read_cached(small.key, small.size) == cached
    assert store.read_cached(large.key, large.size) is None


async def test_files_of_others_are_no_blobs_uploads_or_objects(store: BlobStore, root: Path) -> None:
    blob = await stored(store, b"ours")
    home = (root / "blobs" / blob.key).parent
    (home / "notes.txt").write_text("a person's")
    (home / f"{'0' * 64}.{'0' * 32}").write_text("another prefix's")
    (root / "uploads" / "notes.txt").write_text("a person's")
    other = next(prefix for prefix in ("00", "01") if not (home.parent / prefix).exists())
    (home.parent / other).write_text("no folder")

    assert [found async for found in store.list_keys()] == [blob]
    assert [found async for found in store.list_uploads()] == []


async def test_a_link_in_the_place_of_a_blob_is_not_followed(store: BlobStore, root: Path, tmp_path: Path) -> None:
    blob = await stored(store, b"ours")
    path = root / "blobs" / blob.key
    secret = tmp_path / "secret"
    secret.write_bytes(b"them")
    path.unlink()
    path.symlink_to(secret)

    with pytest.raises(BlobNotFound):
        await store.open(blob.key)
    assert store.read_cached(blob.key, 4) is None


async def test_no_object_stands_below_another(store: BlobStore) -> None:
    await store.put_object("a/b", b"")

    for name in ("a", "a/b/c", "a/b/c/d"):
        with pytest.raises(ObjectNameInvalid):
            await store.put_object(name, b"")

    assert [name async for name in store.list_objects("")] == ["a/b"]


async def test_folders_go_with_the_last_object_in_them(store: BlobStore, root: Path) -> None:
    for name in ("a/b/c", "a/d"):
        await store.put_object(name, b"")

    await store.delete_object("a/b/c")

    assert sorted(path.name for path in (root / "index").rglob("*")) == ["a", "d"]
    assert list((root / "tmp").iterdir()) == []


async def test_a_blob_folder_that_was_cleared_away_is_made_again(store: BlobStore, root: Path) -> None:
    first = await stored(store, b"same")
    await store.delete(first.key)
    (root / "blobs" / first.key).parent.rmdir()

    second = await stored(store, b"same")

    assert await content_of(store, second.key) == b"same"


async def test_what_a_dead_process_left_half_written_is_removed_in_time(store: BlobStore, root: Path) -> None:
    stale, fresh = root / "tmp" / "stale", root / "tmp" / "fresh"
    for path in (stale, fresh):
        path.write_bytes(b"half an obj")
    os.utime(stale, (0, 0))

    restarted = FilesystemBlobStore(root, pool_size=1)
    await restarted.close()

    assert not stale.exists()
    assert fresh.exists()


async def test_a_root_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StorageUnavailable, match="file"):
        FilesystemBlobStore(tmp_path / "file" / "storage", pool_size=1)


async def test_a_blob_cut_short_on_the_disk_fails_instead_of_ending_early(store: BlobStore, root: Path) -> None:
    blob = await stored(store, pattern(2 * MIB))

    async with await store.open(blob.key) as reader:
        os.truncate(root / "blobs" / blob.key, MIB + 5)
        blocks = reader.chunks(0, reader.size)

        with pytest.raises(StorageUnavailable):
            _ = [block async for block in blocks]


async def test_an_upload_of_any_size_takes_little_memory(store: BlobStore) -> None:
    async def body() -> AsyncIterator[bytes]:
        for index in range(256):
            yield bytes([index]) * (256 << 10)

    state = await store.begin("sha256")
    tracemalloc.start()
    try:
        async with store.session(state.key) as session:
            state = await session.append(state, body())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert state.offset == 64 * MIB
    assert peak < 3 * MIB


async def test_no_write_has_the_size_of_pages_that_hosts_take_back(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, sizes = pattern(5 * MIB + 1), []
    pwritev = os.pwritev

    def noting(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        sizes.append(sum(map(len, buffers)))
        return pwritev(descriptor, buffers, offset)

    monkeypatch.setattr(os, "pwritev", noting)
    async with store.session((state := await store.begin("sha256")).key) as session:
        state = await session.append(state, Filling(content))
        blob = await session.commit(state, Digest.of(content))

    assert await content_of(store, blob.key) == content
    assert max(sizes) < 2 * MIB


async def test_all_work_is_done_by_a_few_threads_that_end_with_the_store(root: Path) -> None:
    before = set(threading.enumerate())
    store = FilesystemBlobStore(root, pool_size=3)

    async def upload(index: int) -> None:
        blob = await stored(store, pattern(MIB + index))
        assert len(await content_of(store, blob.key)) == MIB + index
        await store.put_object(f"object-{index}", await store.get_object("first"))

    await store.put_object("first", b"")
    await asyncio.gather(*map(upload, range(20)))
    threads = set(threading.enumerate()) - before
    await store.close()

    numbers = range(3)
    # The last of each are begun only where there is work for them at that moment.
    assert (
        {"blob-store_0", "blob-store-reading_0"}
        <= {thread.name for thread in threads}
        <= {
            *(f"blob-store_{number}" for number in numbers),
            *(f"blob-store-reading_{number}" for number in numbers),
        }
    )
    assert not any(thread.is_alive() for thread in threads)


async def test_objects_that_say_the_same_and_are_put_together_are_one_file(store: BlobStore, root: Path) -> None:
    await store.put_objects({"a/1": b"same", "b/1": b"same", "b/2": b"other"})

    inodes = [(root / "index" / name).stat().st_ino for name in ("a/1", "b/1", "b/2")]
    assert inodes[0] == inodes[1] != inodes[2]
    assert list((root / "tmp").iterdir()) == []


async def test_no_descriptor_stays_open(store: BlobStore) -> None:
    await stored(store, b"first")
    before = _open_files()

    state = await append(store, await store.begin("sha256"), pattern(MIB))
    await commit(store, state, Digest.of(pattern(MIB), "sha512"))
    async with await store.open((await stored(store, b"read")).key) as reader:
        await anext(reader.chunks(0, 1))
    await store.put_object("a", b"")
    await store.get_object("a")
    await store.probe()
    with pytest.raises(UploadLost):
        await append(store, replace(state, key="0" * 32), b"x")

    assert _open_files() == before


async def test_a_cancelled_append_holds_the_upload_until_its_thread_is_done(store: BlobStore, root: Path) -> None:
    state, stalled = await store.begin("sha256"), asyncio.Event()

    async def stalling() -> AsyncIterator[bytes]:
        # Enough for a thread to be still at work when the task is cancelled.
        yield bytes(64 * MIB)
        stalled.set()
        await asyncio.Event().wait()

    async def writing() -> None:
        async with store.session(state.key) as session:
            await session.append(state, stalling())

    task = asyncio.create_task(writing())
    await stalled.wait()
    task.cancel()
    await asyncio.wait((task,))

    assert task.cancelled()
    assert (root / "uploads" / state.key).stat().st_size == 64 * MIB


async def test_a_cancelled_task_leaves_no_descriptor_and_no_hold(store: BlobStore, root: Path) -> None:
    blob = await stored(store, pattern(3 * MIB))
    state = await append(store, await store.begin("sha256"), pattern(MIB))
    before = _open_files()

    async def reading() -> None:
        async with await store.open(blob.key) as reader:
            _ = [block async for block in reader.chunks(0, reader.size)]

    async def writing() -> None:
        async with store.session(state.key) as session:
            await session.append(state, chunks(pattern(MIB), pattern(MIB), b"end"))

    async def keeping() -> None:
        await store.put_object("some/object", b"content")

    # Each number of turns of the loop cancels the task at another of its steps.
    for make in (reading, writing, keeping):
        for turns in range(25):
            task = asyncio.create_task(make())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait((task,))

    assert _open_files() == before
    assert list((root / "tmp").iterdir()) == []
    assert (await append(store, state, b"!")).offset == MIB + 1


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _tells_what_is_cached(path: Path) -> bool:
    """Whether this filesystem can be asked for a file's bytes only if they are in memory; tmpfs cannot."""
    with path.open("rb") as file:
        try:
            os.preadv(file.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT)
        except OSError:
            return False
        return True
