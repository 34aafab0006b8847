"""The data of a distribution registry, as a folder has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from storage_backends.distribution.data import DistributionData, TagLink
from storage_backends.distribution.folder import open_folder
from storage_backends.errors import SourceUnreadable
from tests.storage_backends.distribution.folders import DistributionFolder


@pytest.fixture
def folder(tmp_path: Path) -> DistributionFolder:
    return DistributionFolder(tmp_path)


@pytest.fixture
async def data(tmp_path: Path) -> AsyncIterator[DistributionData]:
    async with open_folder(tmp_path) as tree:
        yield DistributionData(tree)


async def test_repositories_are_found_at_any_depth_and_within_each_other(
    folder: DistributionFolder, data: DistributionData
) -> None:
    for name in ("team/app/deep/er", "app", "team/app", "app-two"):
        folder.image(name)
    (folder.link("layers/only").parents[1] / "_layers").mkdir(parents=True)
    (folder.link("x").parents[2] / "stray file").write_text("")

    assert [name async for name in data.repositories()] == ["app", "app-two", "team/app", "team/app/deep/er"]
    assert await data.is_there()


async def test_where_there_is_nothing_nothing_is_found(data: DistributionData) -> None:
    assert not await data.is_there()
    assert [name async for name in data.repositories()] == []
    assert await data.revisions("app") == []
    assert [link async for link in data.tags("app")] == []
    assert await data.size(Digest.of(b"")) is None
    assert await data.content(Digest.of(b""), 10) is None


async def test_what_was_deleted_is_not_held(folder: DistributionFolder, data: DistributionData) -> None:
    kept, gone = (Digest.parse(folder.image("app", tag)["digest"]) for (tag,) in (("1",), ("2",)))
    other = Digest.parse(folder.image("app", "3", layers=[b"other"])["digest"])
    folder.revision("app", other).unlink()
    folder.link("app", "tags", "2", "current").unlink()

    assert kept == gone
    assert set(await data.revisions("app")) == {kept, other}
    assert await data.holds("app", kept)
    assert not await data.holds("app", other)
    assert [link async for link in data.tags("app")] == [TagLink("1", kept), TagLink("3", other)]


async def test_what_a_broken_disk_left_is_no_digest(folder: DistributionFolder, data: DistributionData) -> None:
    digest = Digest.parse(folder.image("app", "1")["digest"])
    folder.link("app", "tags", "1", "current").write_bytes(b"\xff\0")
    folder.revision("app", digest).write_bytes(b"")
    folder.link("app", "revisions", "sha256", "no-digest").mkdir(parents=True)

    assert [link async for link in data.tags("app")] == [TagLink("1", None)]
    assert await data.revisions("app") == [digest]
    assert not await data.holds("app", digest)


async def test_large_blobs_come_in_blocks(folder: DistributionFolder, data: DistributionData) -> None:
    content = bytes(range(256)) * 10_000
    digest = Digest.parse(folder.blob(content)["digest"])

    blocks = [block async for block in data.chunks(digest)]

    assert b"".join(blocks) == content
    assert max(map(len, blocks)) <= 1 << 20
    assert await data.size(digest) == len(content)
    assert await data.content(digest, 5) == content[:5]


async def test_what_cannot_be_read_is_named(folder: DistributionFolder, data: DistributionData) -> None:
    digest = Digest.parse(folder.blob(b"content")["digest"])
    folder.path(digest).unlink()
    folder.path(digest).mkdir()

    with pytest.raises(SourceUnreadable, match="Is a directory"):
        await data.content(digest, 10)
    with pytest.raises(SourceUnreadable, match=digest.encoded):
        _ = [block async for block in data.chunks(digest)]
