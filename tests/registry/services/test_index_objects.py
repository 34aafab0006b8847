"""Index objects: the registry's memory beside its database follows every change, in whatever order and how often."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_INDEX
from oci_spec.reference import RepositoryName, Tag
from registry.errors import RegistryError
from registry.jobs import index_objects as job
from registry.metadata.rows import Repository
from registry.metadata.transaction import Transaction
from registry.services import deletion, garbage_collection, index_objects, mounts, push, tags
from registry.services.context import Services
from storage_backends.errors import StorageUnavailable
from tests.registry.assembly import ON_SQLITE, OpenWorker, access_to, open_services
from tests.registry.full_disk import filled, small_disk
from tests.registry.pushing import Pusher
from tests.registry.uploading import push_blob, stored_blobs

REPOSITORIES = ("a", "a/b", "team/app")
TAGS = ("1", "2")
BLOBS = (b"zero", b"one", b"two")
MANIFESTS = tuple(
    json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "annotations": {"n": str(n)}}).encode()
    for n in range(3)
)


async def kept(services: Services) -> dict[str, bytes]:
    """All index objects."""
    return {name: await services.store.get_object(name) async for name in services.store.list_objects("")}


async def expected(services: Services) -> dict[str, dict[str, Any] | bytes]:
    """What they are to hold, read from the database: fields, or the bytes of a manifest.

    Blobs have none: these are in files, whose names tell digest and size.
    """
    return await services.database.read(_expected)


def _expected(tx: Transaction) -> dict[str, dict[str, Any] | bytes]:
    objects: dict[str, dict[str, Any] | bytes] = {}
    for repository in tx.repositories.list(100, None):
        objects |= _expected_of(tx, repository)
    return objects


def _expected_of(tx: Transaction, repository: Repository) -> dict[str, dict[str, Any] | bytes]:
    home = f"repositories/{repository.name}"
    objects: dict[str, dict[str, Any] | bytes] = {}
    for digest in map(Digest.of, BLOBS):
        if tx.blobs.linked(repository.id, digest) is not None:
            objects[f"{home}/_links/sha256/{digest.encoded}"] = {}
    for content in MANIFESTS:
        digest = Digest.of(content)
        if tx.manifests.exists(repository.id, digest):
            objects[f"{home}/_manifests/sha256/{digest.encoded}"] = content
    for name in tx.tags.page(repository.id, None, 100):
        row = tx.tags.current(repository.id, Tag.parse(name))
        assert row is not None
        objects[f"{home}/_tags/{name}"] = {"digest": str(row.digest), "since": row.valid_from.isoformat()}
    return objects


async def assert_index_tells_what_the_database_tells(services: Services) -> None:
    found: dict[str, dict[str, Any] | bytes] = {}
    for name, content in (await kept(services)).items():
        head, _, rest = content.partition(b"\n")
        fields = json.loads(head)
        assert fields.pop("format") == index_objects.FORMAT
        if "/_manifests/" in name:
            assert fields.keys() == {"mediaType", "pushedAt", "pushedBy"}
            assert fields["mediaType"] == OCI_INDEX
        found[name] = rest if "/_manifests/" in name else fields
    assert found == await expected(services)


async def put_manifest(services: Services, repository: str, number: int, *names: str) -> None:
    content = MANIFESTS[number]
    await push.manifest(
        services,
        access_to(repository),
        Digest.of(content),
        content,
        content_type=None,
        extra_tags=tuple(map(Tag.parse, names)),
    )


async def test_a_push_is_written_behind(services: Services) -> None:
    await push_blob(services, access_to("team/app"), BLOBS[0])
    await put_manifest(services, "team/app", 0, "1", "2")
    assert await kept(services) == {}

    await job.run(services)

    await assert_index_tells_what_the_database_tells(services)
    assert len(await kept(services)) == 4
    assert await services.database.read(lambda tx: tx.outbox.pending(10)) == []


@ON_SQLITE
async def test_more_changes_than_one_batch_are_all_written(services: Services) -> None:
    access = access_to("team/app")
    await put_manifest(services, "team/app", 0)
    await put_manifest(services, "team/app", 1)
    for turn in range(205):
        await tags.point(services, access, Tag.parse("1"), Digest.of(MANIFESTS[turn % 2]))

    await job.run(services)

    await assert_index_tells_what_the_database_tells(services)
    assert await services.database.read(lambda tx: tx.outbox.pending(1)) == []


@ON_SQLITE
async def test_no_object_names_a_healed_blob_by_its_old_key(services: Services, storage_root: Path) -> None:
    await push_blob(services, access_to("team/app"), BLOBS[0])
    await job.run(services)
    [file] = stored_blobs(storage_root)
    file.unlink()
    digest = Digest.of(BLOBS[0])
    # As an earlier version wrote it for every blob.
    await index_objects.apply(services.store, index_objects.blob_object(digest, len(BLOBS[0]), "its/old/key"))

    await push_blob(services, access_to("team/app"), BLOBS[0])
    await job.run(services)

    await assert_index_tells_what_the_database_tells(services)


@ON_SQLITE
async def test_a_deleted_repository_clears_only_what_was_its_own(services: Services) -> None:
    for repository in REPOSITORIES:
        await push_blob(services, access_to(repository), BLOBS[0])
        await put_manifest(services, repository, 0, "1")
    await job.run(services)
    before = await kept(services)

    await deletion.repository(services, access_to("a"))
    await job.run(services)

    after = await kept(services)
    assert before.keys() - after.keys() == {name for name in before if name.startswith("repositories/a/_")}
    await assert_index_tells_what_the_database_tells(services)


@ON_SQLITE
async def test_events_that_are_read_again_or_late_do_no_harm(services: Services) -> None:
    """As by a process that took so long over one that another took its lease, and did all of them."""
    access = access_to("a")
    await push_blob(services, access, BLOBS[0])
    await put_manifest(services, "a", 0, "1")
    await deletion.repository(services, access)
    await push_blob(services, access, BLOBS[1])
    await put_manifest(services, "a", 1, "2")
    everything = await services.database.read(lambda tx: tx.outbox.pending(100))
    await job.run(services)

    for event in (*everything, *reversed(everything)):
        await index_objects.follow(services, event)

    await assert_index_tells_what_the_database_tells(services)


@ON_SQLITE
async def test_changes_wait_for_a_storage_that_refuses(services: Services, storage_root: Path) -> None:
    await push_blob(services, access_to("team/app"), BLOBS[0])
    (storage_root / "tmp").rename(storage_root / "elsewhere")
    try:
        with pytest.raises(StorageUnavailable):
            await job.run(services)
    finally:
        (storage_root / "elsewhere").rename(storage_root / "tmp")

    assert await services.database.read(lambda tx: len(tx.outbox.pending(10))) == 1
    await job.run(services)
    await assert_index_tells_what_the_database_tells(services)


@pytest.mark.root
async def test_removed_bytes_go_from_a_full_disk_before_anything_is_written(tmp_path: Path, sqlite_url: str) -> None:
    with small_disk(tmp_path / "disk") as disk:
        async with open_services(disk / "storage", sqlite_url, gc_grace_s=0) as services:
            access, content = access_to("a"), bytes(1 << 20)
            await push_blob(services, access, content)
            await put_manifest(services, "a", 0)
            await put_manifest(services, "a", 1)
            await job.run(services)
            with filled(disk):
                # More of what cannot be written than a batch stands before what makes room for it.
                for turn in range(205):
                    await tags.point(services, access, Tag.parse("1"), Digest.of(MANIFESTS[turn % 2]))
                await deletion.blob(services, access, Digest.of(content))
                await garbage_collection.collect(services)

                await job.run(services)

                assert stored_blobs(disk / "storage") == []
                await assert_index_tells_what_the_database_tells(services)


@ON_SQLITE
async def test_two_processes_at_the_same_changes_agree(open_worker: OpenWorker) -> None:
    services, other = await open_worker(), await open_worker()
    for number in range(3):
        await put_manifest(services, "a", number, "1")

    await asyncio.gather(job.run(services), job.run(other))

    await assert_index_tells_what_the_database_tells(services)


# Each step is one change, tried whether it can be made or not; or the writing behind of all so far.
_names = st.sampled_from(REPOSITORIES)
_tags = st.sampled_from(TAGS)
_numbers = st.integers(0, 2)
_Step = Callable[[Services], Coroutine[Any, Any, object]]


def _steps() -> st.SearchStrategy[_Step]:
    return st.one_of(
        st.builds(lambda r, n: lambda s: push_blob(s, access_to(r), BLOBS[n]), _names, _numbers),
        st.builds(
            lambda r, f, n: lambda s: mounts.mount(s, access_to(r), Digest.of(BLOBS[n]), RepositoryName.parse(f)),
            _names,
            _names,
            _numbers,
        ),
        st.builds(lambda r, n, t: lambda s: put_manifest(s, r, n, t), _names, _numbers, _tags),
        st.builds(
            lambda r, t, n: lambda s: tags.point(s, access_to(r), Tag.parse(t), Digest.of(MANIFESTS[n])),
            _names,
            _tags,
            _numbers,
        ),
        st.builds(lambda r, n: lambda s: deletion.blob(s, access_to(r), Digest.of(BLOBS[n])), _names, _numbers),
        st.builds(lambda r, n: lambda s: deletion.manifest(s, access_to(r), Digest.of(MANIFESTS[n])), _names, _numbers),
        st.builds(lambda r, t: lambda s: deletion.tag(s, access_to(r), Tag.parse(t)), _names, _tags),
        st.builds(lambda r: lambda s: deletion.repository(s, access_to(r)), _names),
        st.just(job.run),
    )


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_steps(), max_size=20))
def test_after_any_changes_the_index_tells_what_the_database_tells(
    storage_root: Path, sqlite_url: str, steps: list[_Step]
) -> None:
    asyncio.run(_replayed(storage_root, sqlite_url, steps))


async def _replayed(root: Path, url: str, steps: list[_Step]) -> None:
    async with open_services(root, url) as services:
        for step in steps:
            try:
                await step(services)
            except RegistryError:
                continue
        await job.run(services)
        await assert_index_tells_what_the_database_tells(services)
        # The next example begins with what is left of this one: blobs that no repository links.
        for repository in REPOSITORIES:
            try:
                await deletion.repository(services, access_to(repository))
            except RegistryError:
                continue
        await job.run(services)


async def test_pushers_of_an_image_find_it_whole_in_the_index(services: Services) -> None:
    image = await Pusher.to(services, "team/app").image("1")

    await job.run(services)

    digest = Digest.parse(image["digest"])
    content = (await kept(services))[f"repositories/team/app/_manifests/sha256/{digest.encoded}"]
    assert Digest.of(content.partition(b"\n")[2]) == digest
