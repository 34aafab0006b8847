"""What is told of the page cache: that a part is there only where all of it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.machine import file_system
from oci_spec.digest import Digest
from registry.http.page_cache import is_cached
from registry.http.ranges import ByteRange
from tests.registry.http.serving import Client

SIZE = 1 << 20


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    """A file of `SIZE` bytes on a disk, all of it in the cache and written."""
    descriptor = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    try:
        os.write(descriptor, os.urandom(SIZE))
        os.fsync(descriptor)
        if not is_cached(descriptor, ByteRange(0, SIZE)):
            pytest.skip("this kernel has no cachestat(2), or the file system keeps nothing in the cache")
        yield descriptor
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (4095, 4097), (5000, SIZE - 1), (0, SIZE)])
def test_a_part_that_was_just_written_is_there(file: int, start: int, stop: int) -> None:
    assert is_cached(file, ByteRange(start, stop))


def test_what_the_kernel_gave_up_is_not_there(file: int) -> None:
    os.posix_fadvise(file, 0, SIZE, os.POSIX_FADV_DONTNEED)
    if file_system(Path(f"/proc/self/fd/{file}")) == "tmpfs":
        pytest.skip("a file in memory is always there; set TMPDIR to a folder on a disk")

    assert not is_cached(file, ByteRange(0, SIZE))


def test_a_file_that_ends_early_is_not_there(file: int) -> None:
    assert not is_cached(file, ByteRange(SIZE - 1, SIZE + os.sysconf("SC_PAGE_SIZE")))


@pytest.mark.parametrize("size", [100_000, SIZE, SIZE + 1])
async def test_a_blob_is_sent_whole_whether_it_is_in_memory_or_not(
    client: Client, storage_root: Path, size: int
) -> None:
    content = os.urandom(size)
    digest = await client.push_blob("team/app", content)
    path = f"/v2/team/app/blobs/{digest}"

    cached = await client.get(path)
    _drop(storage_root, digest)
    from_disk = await client.get(path)

    assert cached.body == from_disk.body == content


def _drop(storage_root: Path, digest: Digest) -> None:
    (blob,) = storage_root.rglob(f"{digest.encoded}.*")
    descriptor = os.open(blob, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)
