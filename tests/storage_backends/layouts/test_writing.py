"""Layouts that are written here: whole or not at all, and the same bytes for the same content."""

from __future__ import annotations

import os
import tarfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from oci_spec.descriptor import Descriptor
from oci_spec.digest import Digest
from oci_spec.errors import ImageLayoutInvalid
from oci_spec.image_layout import LAYOUT_BYTES, LayoutEntry, blob_path, check_layout_file, parse_index
from oci_spec.media_types import OCI_MANIFEST
from oci_spec.reference import Tag
from storage_backends.errors import DigestMismatch, LayoutOccupied
from storage_backends.layouts.contract import LayoutReader, LayoutWriter
from storage_backends.layouts.reading import open_layout
from storage_backends.layouts.writing import archive_target, folder_target, pipe_target
from tests.storage_backends.layouts.archives import MEMBERS, folder, whole

SMALL, LARGE = b"small", bytes(range(256)) * 10_000
DIGEST = Digest.of(SMALL)
ENTRY = LayoutEntry(Descriptor(OCI_MANIFEST, DIGEST, len(SMALL)), Tag.parse("1"))


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def put(target: LayoutWriter, content: bytes, algorithm: str = "sha256") -> None:
    parts = (content[:1000], content[1000:])
    await target.put(Digest.of(content, algorithm), len(content), chunks(*parts))


def target_at(path: Path) -> AbstractAsyncContextManager[LayoutWriter]:
    return archive_target(path) if path.suffix == ".tar" else folder_target(path)


@pytest.fixture(params=["layout", "layout.tar"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    name: str = request.param
    return tmp_path / name


async def test_what_is_written_is_read_back(path: Path) -> None:
    async with target_at(path) as target:
        await put(target, SMALL)
        await put(target, LARGE, "sha512")
        await put(target, b"")
        await target.finish([ENTRY])

    async with open_layout(path, max_members=MEMBERS) as layout:
        assert isinstance(layout, LayoutReader)
        check_layout_file(await layout.file("oci-layout", LAYOUT_BYTES) or b"")
        [entry] = parse_index(await layout.file("index.json", 1000) or b"")
        assert (entry.tag, entry.descriptor.digest) == (ENTRY.tag, DIGEST)
        assert await whole(layout, DIGEST) == SMALL
        assert await whole(layout, Digest.of(LARGE, "sha512")) == LARGE
        assert await whole(layout, Digest.of(b"")) == b""


@pytest.mark.parametrize("parts", [[b"smell"], [b"sma"], [SMALL, b"!"], []])
async def test_other_bytes_than_the_digest_tells_are_refused(path: Path, parts: list[bytes]) -> None:
    async with target_at(path) as target:
        with pytest.raises(DigestMismatch):
            await target.put(DIGEST, len(SMALL), chunks(*parts))

        assert not await target.holds(DIGEST, len(SMALL))
    assert not list(path.parent.rglob(DIGEST.encoded))


async def test_what_is_not_finished_is_no_layout(path: Path) -> None:
    async with target_at(path) as target:
        await put(target, SMALL)

    assert not list(path.parent.rglob("index.json"))
    assert not path.is_file()
    assert not list(path.parent.rglob("*.partial"))


async def test_what_the_source_raises_goes_through_and_nothing_is_left(path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield SMALL
        raise EOFError

    with pytest.raises(EOFError):
        async with target_at(path) as target:
            await target.put(DIGEST, 100, broken())

    assert not path.is_file()
    assert not list(path.parent.rglob("*.partial"))


async def test_two_exports_at_once_do_not_share_a_place(path: Path) -> None:
    async with target_at(path) as target:
        await put(target, SMALL)
        with pytest.raises(LayoutOccupied, match="another export"):
            async with target_at(path):
                pass
        await target.finish([ENTRY])

    assert path.exists()


async def test_what_a_killed_export_left_whole_is_not_asked_for_again(tmp_path: Path) -> None:
    root = folder(tmp_path / "layout", {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', ".partial": b"half"})
    folder(root, {blob_path(DIGEST): SMALL, blob_path(Digest.of(LARGE)): LARGE[:-1]})

    async with folder_target(root) as target:
        assert await target.holds(DIGEST, len(SMALL))
        assert not await target.holds(Digest.of(LARGE), len(LARGE))
        await put(target, LARGE)
        await target.finish([ENTRY])

    assert (root / blob_path(Digest.of(LARGE))).read_bytes() == LARGE
    assert sorted(path.name for path in root.iterdir()) == ["blobs", "index.json", "oci-layout"]


async def test_a_layout_that_is_there_keeps_its_other_tags(tmp_path: Path) -> None:
    for tag in ("1", "2", "1"):
        async with folder_target(tmp_path / "layout") as target:
            await target.finish([LayoutEntry(ENTRY.descriptor, Tag.parse(tag))])

    entries = parse_index((tmp_path / "layout" / "index.json").read_bytes())
    assert [str(entry.tag) for entry in entries] == ["2", "1"]


async def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    root = folder(tmp_path / "home", {"letters": b"dear"})

    with pytest.raises(LayoutOccupied, match="not empty"):
        async with folder_target(root):
            pass

    assert [path.name for path in root.iterdir()] == ["letters"]


async def test_a_layout_whose_index_is_none_is_refused(tmp_path: Path) -> None:
    root = folder(tmp_path / "layout", {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": b"[]"})

    with pytest.raises(ImageLayoutInvalid):
        async with folder_target(root) as target:
            await target.finish([ENTRY])

    assert (root / "index.json").read_bytes() == b"[]"


async def test_an_archive_takes_the_old_ones_place_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "layout.tar"
    path.write_bytes(b"old")

    async with archive_target(path) as target:
        await put(target, SMALL)
    before = path.read_bytes()
    async with archive_target(path) as target:
        await target.finish([])

    assert before == b"old"
    with tarfile.open(path) as made:
        assert made.getnames()[-1] == "index.json"


async def test_the_same_content_makes_the_same_archive(tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        async with archive_target(tmp_path / name) as target:
            await put(target, SMALL)
            await target.finish([ENTRY])

    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


async def test_a_full_disk_is_told() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OSError, match="No space left"):
            async with pipe_target(descriptor) as target:
                await put(target, SMALL)
    finally:
        os.close(descriptor)


async def test_a_place_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "no" / "layout", tmp_path / "no" / "layout.tar"):
        with pytest.raises(FileNotFoundError, match="no/layout"):
            async with target_at(path):
                pass
