"""Rebuilding: what the storage knows comes back into an empty database, and what does not is named."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName, Tag
from registry.jobs import index_objects as writing_behind
from registry.services import index_objects, pull, rebuild
from registry.services.context import Services
from registry.services.progress import Progress
from registry.services.rebuild import DatabaseNotEmpty, Kind, Loss, Rebuilt
from tests.registry.assembly import ON_SQLITE, access_to, open_services
from tests.registry.pushing import Pusher
from tests.registry.services.everything import NAMES, everything, fill, known_digests
from tests.registry.uploading import push_blob, stored_blobs, stored_bytes

ROOT = Path(__file__).parents[3]


@pytest.fixture
def second_url(request: pytest.FixtureRequest, database_url: str, tmp_path: Path, migrated_sqlite_file: Path) -> Any:
    """A migrated database beside the first one, of the same kind."""
    if database_url.startswith("sqlite"):
        path = tmp_path / "second.db"
        shutil.copyfile(migrated_sqlite_file, path)
        yield f"sqlite:///{path}"
        return
    cluster = request.getfixturevalue("postgresql_cluster")
    name = cluster.create(request.getfixturevalue("migrated_postgresql_database"))
    yield cluster.url(name)
    cluster.drop(name)


@asynccontextmanager
async def rebuilt(root: Path, url: str) -> AsyncIterator[tuple[Services, Rebuilt, list[Loss]]]:
    losses: list[Loss] = []
    async with open_services(root, url) as services:
        yield services, await rebuild.rebuild(services, told=losses.append), losses


@pytest.mark.parametrize("seed", range(2))
async def test_everything_that_was_written_behind_comes_back(
    services: Services, storage_root: Path, second_url: str, seed: int
) -> None:
    await fill(services, seed)
    await writing_behind.run(services)
    digests = await known_digests(services)
    before = await everything(services, digests)
    assert before.keys() == {*NAMES, "mounted"}

    async with rebuilt(storage_root, second_url) as (again, report, losses):
        after = await everything(again, digests)

    for name, held in before.items():
        assert after[name].tags == held.tags
        assert after[name].manifests == held.manifests
        assert after[name].referrers == held.referrers
        assert after[name].blobs == held.blobs
        assert after[name].references.keys() == held.references.keys()
        for digest, references in held.references.items():
            # Whether a child that was deleted was there at the push is nowhere told.
            told = [one for one in after[name].references[digest] if str(one.digest) in after[name].manifests]
            assert told == [one for one in references if str(one.digest) in held.manifests]
    assert after.keys() == before.keys()
    assert losses == []
    assert report.repositories == len(before)
    assert report.tags == sum(len(held.tags) for held in before.values())
    assert report.manifests == sum(len(held.manifests) for held in before.values())


@ON_SQLITE
async def test_bytes_that_no_index_object_names_come_back_if_they_are_whole(
    services: Services, storage_root: Path, second_url: str
) -> None:
    whole = await push_blob(services, access_to("app"), b"just pushed")
    broken = await push_blob(services, access_to("app"), b"just pushed too")
    [file] = [path for path in stored_blobs(storage_root) if path.name.startswith(broken.encoded)]
    file.chmod(0o600)
    file.write_bytes(b"just pushed two")

    async with rebuilt(storage_root, second_url) as (again, report, losses):
        found = await again.database.read(lambda tx: (tx.blobs.find(whole), tx.blobs.find(broken)))

    assert (report.blobs, report.unindexed, report.links) == (1, 1, 0)
    assert found[0] is not None
    assert found[1] is None
    assert losses == [Loss(Kind.BLOB, None, str(broken), "has stored bytes of another digest")]


@ON_SQLITE
async def test_only_copies_that_a_link_vouches_for_are_not_read(
    services: Services, storage_root: Path, second_url: str
) -> None:
    once = await push_blob(services, access_to("app"), b"stored once")
    twice = await push_blob(services, access_to("app"), b"stored twice")
    await writing_behind.run(services)
    for path in stored_blobs(storage_root):
        if path.name.startswith(twice.encoded):
            # As what a replaced copy leaves whose removal is still to come.
            path.with_name(path.name[:-1] + ("0" if path.name[-1] != "0" else "1")).write_bytes(b"STORED TWICE")
            good = path
        else:
            path.chmod(0o600)
            path.write_bytes(b"stored ONCE")

    async with rebuilt(storage_root, second_url) as (again, report, losses):
        found = await again.database.read(lambda tx: (tx.blobs.find(once), tx.blobs.find(twice)))

    assert (report.blobs, report.unindexed, report.links) == (2, 1, 2)
    assert found[0] is not None
    assert found[1] is not None
    assert found[1].key.endswith(good.name)
    assert losses == []


@ON_SQLITE
async def test_blobs_of_earlier_versions_come_back_by_their_objects(
    services: Services, storage_root: Path, second_url: str
) -> None:
    digest = await push_blob(services, access_to("app"), b"content")
    await writing_behind.run(services)
    [file] = stored_blobs(storage_root)
    key = f"sha256/{digest.encoded[:2]}/{digest.encoded}.{file.name[-32:]}"
    file.rename(storage_root / "blobs" / key)
    await index_objects.apply(services.store, index_objects.blob_object(digest, 7, key))

    async with rebuilt(storage_root, second_url) as (again, report, losses):
        blob = await pull.blob(again, access_to("app"), digest)

        assert await stored_bytes(again, blob.key) == b"content"
    assert (report.blobs, report.unindexed, report.links, losses) == (1, 0, 1, [])


@ON_SQLITE
async def test_a_registry_with_holes_comes_back_but_for_what_is_named(
    services: Services, storage_root: Path, second_url: str
) -> None:
    pusher = Pusher.to(services, "app")
    good = await pusher.image("good", layers=[b"good"])
    bad = await pusher.image("bad", layers=[b"lost", b"cut short"])
    await writing_behind.run(services)
    lost, cut = Digest.of(b"lost"), Digest.of(b"cut short")
    for path in stored_blobs(storage_root):
        if path.name.startswith(lost.encoded):
            path.unlink()
        elif path.name.startswith(cut.encoded):
            os.truncate(path, 3)
    home, digest = storage_root / "index" / "repositories" / "app", Digest.parse(bad["digest"])
    (home / "_manifests" / "sha256" / digest.encoded).write_bytes(b'{"format": 1}\n{}')
    (home / "_tags" / "broken").write_bytes(b"\xff")
    (home / "_tags" / "newer").write_bytes(b'{"format": 2}')
    (storage_root / "index" / "repositories" / "stray").write_bytes(b"")

    async with rebuilt(storage_root, second_url) as (again, _, losses):
        found = await pull.manifest(again, access_to("app"), Tag.parse("good"))

    app = RepositoryName.parse("app")
    unrecovered = "names a blob that was not recovered"
    assert str(found.digest) == good["digest"]
    assert set(losses) == {
        Loss(Kind.BLOB, None, str(lost), "has no stored bytes"),
        Loss(Kind.BLOB, None, str(cut), "has 3 bytes stored of 9"),
        Loss(Kind.LINK, None, "repositories/stray", "bears no repository's name"),
        Loss(Kind.LINK, app, str(lost), unrecovered),
        Loss(Kind.LINK, app, str(cut), unrecovered),
        Loss(Kind.MANIFEST, app, bad["digest"], "holds bytes that do not have its digest"),
        Loss(Kind.TAG, app, "bad", f"names a manifest that was not recovered: {bad['digest']}"),
        Loss(Kind.TAG, app, "broken", "is no JSON object"),
        Loss(Kind.TAG, app, "newer", "is of format 2, this program reads 1"),
    }
    assert len(losses) == len(set(losses))


@ON_SQLITE
async def test_what_was_lost_heals_by_a_push_after_the_rebuild(
    services: Services, storage_root: Path, second_url: str
) -> None:
    await Pusher.to(services, "app").image("1", layers=[b"a layer"])
    await writing_behind.run(services)
    for path in stored_blobs(storage_root):
        path.unlink()

    async with rebuilt(storage_root, second_url) as (again, _, _):
        await Pusher.to(again, "app").image("1", layers=[b"a layer"])
        blob = await pull.blob(again, access_to("app"), Digest.of(b"a layer"))

        assert await stored_bytes(again, blob.key) == b"a layer"


@ON_SQLITE
async def test_an_empty_storage_gives_an_empty_registry(storage_root: Path, database_url: str) -> None:
    async with rebuilt(storage_root, database_url) as (_, report, losses):
        assert (report, losses) == (Rebuilt(), [])


async def test_a_database_that_holds_anything_is_refused(services: Services) -> None:
    await push_blob(services, access_to("app"), b"content")

    with pytest.raises(DatabaseNotEmpty):
        await rebuild.rebuild(services, told=lambda _: None)


@ON_SQLITE
async def test_a_rebuilt_registry_is_not_rebuilt_again(services: Services, storage_root: Path, second_url: str) -> None:
    await Pusher.to(services, "app").image("1")
    await writing_behind.run(services)

    async with rebuilt(storage_root, second_url) as (again, _, _):
        with pytest.raises(DatabaseNotEmpty):
            await rebuild.rebuild(again, told=lambda _: None)


@pytest.mark.parametrize("turns", [1, 2, 4, 6])
@ON_SQLITE
async def test_a_rebuild_that_is_killed_is_started_again(
    services: Services, storage_root: Path, second_url: str, turns: int
) -> None:
    await fill(services, turns)
    await writing_behind.run(services)
    digests = await known_digests(services)
    before = await everything(services, digests)

    program = [sys.executable, "-m", __name__, str(storage_root), second_url, str(turns)]
    killed = await asyncio.to_thread(subprocess.run, program, cwd=ROOT, check=False)

    assert killed.returncode == -signal.SIGKILL
    async with rebuilt(storage_root, second_url) as (again, _, losses):
        after = await everything(again, digests)
    assert {name: (held.tags, held.manifests, held.referrers, held.blobs) for name, held in before.items()} == {
        name: (held.tags, held.manifests, held.referrers, held.blobs) for name, held in after.items()
    }
    assert losses == []


async def _die_in_the_middle(root: str, url: str, turns: str) -> None:
    """Rebuild, and be killed at that many steps."""
    steps = iter(range(int(turns)))

    def count(_: Progress) -> None:
        if next(steps, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(open_services(Path(root), url))
        await rebuild.rebuild(services, told=lambda _: None, progress=count)


if __name__ == "__main__":
    asyncio.run(_die_in_the_middle(*sys.argv[1:]))
