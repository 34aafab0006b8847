"""Garbage collection: what goes, what stays, and that a dry run tells just that."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_LAYER_GZIP, OCI_MANIFEST
from oci_spec.reference import Reference, RepositoryName, Tag
from registry import limits
from registry.errors import BlobUnknown, ManifestUnknown
from registry.jobs import garbage_collection as job
from registry.metadata.rows import OutboxEvent
from registry.services import deletion, garbage_collection, index_objects, mounts, pull, tags, uploads
from registry.services.context import Services, now
from registry.services.garbage_report import GarbageItem, GarbageKind, Reason, Total
from registry.services.progress import Progress
from tests.registry.assembly import ON_SQLITE, OpenWorker, access_to, open_services
from tests.registry.metadata.raw_sql import execute
from tests.registry.pushing import Document, Pusher
from tests.registry.uploading import body, push_blob, stored_blobs, stored_bytes

APP = "team/app"
ACCESS = access_to(APP)
OTHER = access_to("team/other")
MANIFEST, LINK, BLOB = GarbageKind

Found = tuple[GarbageKind, str | None, str]


def in_two_hours() -> datetime:
    """When every lease and the time of grace of what a test pushes are over."""
    return now() + timedelta(hours=2)


async def collected(services: Services, moment: datetime | None = None) -> dict[Found, Reason]:
    """What a collection removes, and why; the bytes are removed as well."""
    moment = moment or in_two_hours()
    foretold: list[GarbageItem] = []
    removed: list[GarbageItem] = []
    survey = await garbage_collection.survey(services, moment=moment, told=foretold.append)
    report = await garbage_collection.collect(services, moment=moment, told=removed.append)
    assert set(foretold) == set(removed)
    assert survey == report
    while await index_objects.write_behind(services):
        pass
    return {_found(item): item.reason for item in removed}


def _found(item: GarbageItem) -> Found:
    return item.kind, None if item.repository is None else str(item.repository), str(item.digest)


def digest_of(descriptor: Document) -> Digest:
    return Digest.parse(descriptor["digest"])


async def test_what_a_tag_names_stays_with_all_that_it_needs(services: Services) -> None:
    pusher = Pusher.to(services, APP)
    image = await pusher.image("1", layers=[b"one", b"two"])
    other = await pusher.image(layers=[b"three"], config={"os": "linux", "architecture": "s390x"})
    await pusher.index("multi", manifests=[other])

    assert await collected(services) == {}
    assert await _pulls_whole(services, "1", "multi")
    assert image["digest"] in {str((await pull.manifest(services, ACCESS, Tag.parse("1"))).digest)}


async def test_whoever_watches_learns_how_many_repositories_are_done(services: Services) -> None:
    for name in ("a", "b"):
        await Pusher.to(services, name).image("1")
    told: list[Progress] = []

    await garbage_collection.collect(services, moment=in_two_hours(), progress=told.append)

    assert [progress for progress in told if progress.total is not None] == [
        Progress("repositories", 1, 2),
        Progress("repositories", 2, 2),
    ]
    assert told[-1] == Progress("blobs", 2, None)


async def test_an_untagged_image_goes_with_its_blobs_and_their_bytes(services: Services, storage_root: Path) -> None:
    image = await Pusher.to(services, APP).image(layers=[b"layer"], config=b"{}")

    found = await collected(services)

    layer, config = str(Digest.of(b"layer")), str(Digest.of(b"{}"))
    assert found == {
        (MANIFEST, APP, image["digest"]): Reason.UNTAGGED,
        (LINK, APP, layer): Reason.MANIFESTS_GOING,
        (LINK, APP, config): Reason.MANIFESTS_GOING,
        (BLOB, None, layer): Reason.LINKS_GOING,
        (BLOB, None, config): Reason.LINKS_GOING,
    }
    assert stored_blobs(storage_root) == []
    assert [name async for name in services.store.list_objects("")] == []
    with pytest.raises(ManifestUnknown):
        await pull.manifest(services, ACCESS, digest_of(image))
    with pytest.raises(BlobUnknown):
        await pull.blob(services, ACCESS, Digest.of(b"layer"))


async def test_a_second_collection_finds_nothing(services: Services) -> None:
    await Pusher.to(services, APP).image()
    await collected(services)

    assert await collected(services) == {}


async def test_a_dry_run_writes_nothing(services: Services, storage_root: Path) -> None:
    image = await Pusher.to(services, APP).image()
    before = set(stored_blobs(storage_root))

    report = await garbage_collection.survey(services, moment=in_two_hours())

    assert report.total(MANIFEST) == Total(1, image["size"])
    assert set(stored_blobs(storage_root)) == before
    assert (await pull.manifest(services, ACCESS, digest_of(image))).digest == digest_of(image)


@pytest.mark.parametrize("grace_s", [0, 3600, 7200])
async def test_nothing_goes_that_was_just_pushed(open_worker: OpenWorker, grace_s: int) -> None:
    services = await open_worker(gc_grace_s=grace_s)
    await Pusher.to(services, APP).image()

    assert await collected(services, now()) == {}


async def test_grace_counts_from_the_push_and_leases_are_kept_whatever_the_grace(open_worker: OpenWorker) -> None:
    long, short = await open_worker(gc_grace_s=3 * 3600), await open_worker(gc_grace_s=1)
    await Pusher.to(long, APP).image()

    assert await collected(long, in_two_hours()) == {}
    assert await collected(short, now() + timedelta(seconds=limits.LEASE_S - 60)) == {}
    assert len(await collected(short, in_two_hours())) == 5


async def test_untagged_manifests_stay_with_their_blobs_where_that_is_configured(open_worker: OpenWorker) -> None:
    services = await open_worker(keep_untagged=True)
    await Pusher.to(services, APP).image(layers=[b"layer"])
    stray = await push_blob(services, ACCESS, b"no manifest needs it")

    assert await collected(services) == {
        (LINK, APP, str(stray)): Reason.UNREFERENCED,
        (BLOB, None, str(stray)): Reason.LINKS_GOING,
    }


async def test_a_tag_that_moved_on_keeps_what_it_named_for_the_time_of_grace(
    services: Services, database_url: str
) -> None:
    pusher = Pusher.to(services, APP)
    first = await pusher.image("latest", layers=[b"one"])
    await _forget_leases_and_pushes(database_url)
    await pusher.image("latest", layers=[b"two"])

    assert await collected(services, now() + timedelta(minutes=59)) == {}
    assert (MANIFEST, APP, first["digest"]) in await collected(services, in_two_hours())
    assert await _pulls_whole(services, "latest")


async def test_a_manifest_asked_for_by_digest_is_kept_while_its_lease_lasts(
    services: Services, database_url: str
) -> None:
    image = await Pusher.to(services, APP).image()
    await _forget_leases_and_pushes(database_url)

    await pull.manifest(services, ACCESS, digest_of(image))

    assert await collected(services, now() + timedelta(minutes=59)) == {}
    assert (MANIFEST, APP, image["digest"]) in await collected(services, in_two_hours())


async def test_a_manifest_that_is_pulled_stays(services: Services, database_url: str) -> None:
    image = await Pusher.to(services, APP).image()
    pull.note(services, await pull.manifest(services, ACCESS, digest_of(image)))
    await services.pulls.flush(services.database)
    await _forget_leases_and_pushes(database_url)

    assert await collected(services, now() + timedelta(minutes=59)) == {}


async def test_an_index_and_all_below_it_go_together(services: Services) -> None:
    pusher = Pusher.to(services, APP)
    image = await pusher.image(layers=[b"layer"])
    inner = await pusher.index(manifests=[image])
    outer = await pusher.index(manifests=[inner])

    found = await collected(services)

    assert found[MANIFEST, APP, outer["digest"]] is Reason.UNTAGGED
    assert found[MANIFEST, APP, inner["digest"]] is Reason.PARENTS_GOING
    assert found[MANIFEST, APP, image["digest"]] is Reason.PARENTS_GOING


async def test_a_child_that_another_index_lists_stays(services: Services) -> None:
    pusher = Pusher.to(services, APP)
    image = await pusher.image(layers=[b"layer"])
    kept = await pusher.index("1", manifests=[image])
    gone = await pusher.index(manifests=[image], annotations={"n": "2"})

    assert list(await collected(services)) == [(MANIFEST, APP, gone["digest"])]
    assert await _pulls_whole(services, "1")
    assert kept["digest"] != gone["digest"]


async def test_referrers_stay_with_their_subject_and_go_with_it(services: Services) -> None:
    pusher = Pusher.to(services, APP)
    image = await pusher.image("1", layers=[b"layer"])
    signature = await pusher.image(layers=[b"signature"], config=b"{}", subject=image)
    signature_of_it = await pusher.image(layers=[b"more"], config=b"{}", subject=signature)

    assert await collected(services) == {}

    await deletion.tag(services, ACCESS, Tag.parse("1"))
    found = await collected(services, in_two_hours())
    assert found[MANIFEST, APP, image["digest"]] is Reason.UNTAGGED
    assert found[MANIFEST, APP, signature["digest"]] is Reason.SUBJECT_GOING
    assert found[MANIFEST, APP, signature_of_it["digest"]] is Reason.SUBJECT_GOING


async def test_a_referrer_whose_subject_never_came_goes_in_the_end(services: Services) -> None:
    subject = {"mediaType": OCI_MANIFEST, "digest": str(Digest.of(b"never pushed")), "size": 12}
    referrer = await Pusher.to(services, APP).image(subject=subject)

    found = await collected(services)

    assert found[MANIFEST, APP, referrer["digest"]] is Reason.SUBJECT_MISSING


async def test_manifests_that_hold_each_other_go_when_nothing_else_holds_them(services: Services) -> None:
    pusher = Pusher.to(services, APP)
    image = await pusher.image("1")
    below = await pusher.index(manifests=[image], subject=image)

    assert await collected(services) == {}

    await deletion.tag(services, ACCESS, Tag.parse("1"))
    found = await collected(services)
    assert {digest for kind, _, digest in found if kind is MANIFEST} == {image["digest"], below["digest"]}


async def test_a_blob_that_another_repository_needs_stays_there(services: Services, storage_root: Path) -> None:
    await Pusher.to(services, APP).image(layers=[b"shared"])
    await Pusher.to(services, "team/other").image("1", layers=[b"shared"])
    shared = str(Digest.of(b"shared"))

    found = await collected(services)

    assert (LINK, APP, shared) in found
    assert (BLOB, None, shared) not in found
    assert (await pull.blob(services, OTHER, Digest.of(b"shared"))).digest == Digest.of(b"shared")
    with pytest.raises(BlobUnknown):
        await pull.blob(services, ACCESS, Digest.of(b"shared"))
    assert len(stored_blobs(storage_root)) == 2


async def test_a_deleted_repository_gives_its_space_back(services: Services, storage_root: Path) -> None:
    await Pusher.to(services, APP).image("1")
    await deletion.repository(services, ACCESS)

    found = await collected(services)

    assert set(found.values()) == {Reason.UNLINKED}
    assert stored_blobs(storage_root) == []


async def test_a_long_push_loses_nothing_while_one_of_its_sessions_is_open(services: Services) -> None:
    layer = await push_blob(services, ACCESS, b"the first layer")
    session = await uploads.start(services, ACCESS, "sha256")

    assert await collected(services, in_two_hours()) == {}

    await uploads.cancel(services, ACCESS, session.id)
    assert set(await collected(services, in_two_hours())) == {(LINK, APP, str(layer)), (BLOB, None, str(layer))}


async def test_sessions_do_not_keep_what_was_garbage_before_they_began(services: Services, database_url: str) -> None:
    layer = await push_blob(services, ACCESS, b"a layer of another push")
    await _forget_leases_and_pushes(database_url)
    await uploads.start(services, ACCESS, "sha256")

    assert (LINK, APP, str(layer)) in await collected(services, in_two_hours())


async def test_the_end_of_a_long_upload_renews_what_was_leased_when_it_began(
    services: Services, database_url: str
) -> None:
    early = await push_blob(services, ACCESS, b"the first layer")
    await _forget_leases_and_pushes(database_url)
    old = await push_blob(services, OTHER, b"of another repository")
    session = await uploads.start(services, ACCESS, "sha256")
    began = int((now() - timedelta(hours=3)).timestamp() * 1_000_000)
    await execute(database_url, f"UPDATE upload SET started_at = {began}", f"UPDATE link SET lease_until = {began + 1}")

    content = b"the second layer"
    await uploads.finish(services, ACCESS, session.id, Digest.of(content), body=body(content))

    first = await services.database.lookups.linked_blob(ACCESS.repository, early)
    assert first is not None
    assert first.lease_until > now() + timedelta(minutes=59)
    other = await services.database.lookups.linked_blob(OTHER.repository, old)
    assert other is not None
    assert other.lease_until < now()


async def test_bytes_pushed_again_after_the_row_is_gone_are_not_removed(services: Services, storage_root: Path) -> None:
    digest = await push_blob(services, ACCESS, b"content")
    await garbage_collection.collect(services, moment=in_two_hours())
    assert len(stored_blobs(storage_root)) == 1

    await push_blob(services, OTHER, b"content")
    while await index_objects.write_behind(services):
        pass

    found = await pull.blob(services, OTHER, digest)
    assert await stored_bytes(services, found.key) == b"content"
    assert len(stored_blobs(storage_root)) == 1
    assert [name async for name in services.store.list_objects("blobs/")] == []
    assert (services.store.digest_of(found.key), services.store.size_of(found.key)) == (digest, len(b"content"))


async def test_bytes_are_removed_by_whoever_writes_behind_next(open_worker: OpenWorker, storage_root: Path) -> None:
    dying, next_one = await open_worker(), await open_worker()
    await push_blob(dying, ACCESS, b"content")
    await garbage_collection.collect(dying, moment=in_two_hours())
    assert len(stored_blobs(storage_root)) == 1

    # As after a crash in the middle: an event that was followed may be followed again.
    pending = await next_one.database.read(lambda tx: tx.outbox.pending(100))
    await index_objects.follow(next_one, _removal(pending))
    while await index_objects.write_behind(next_one):
        pass

    assert stored_blobs(storage_root) == []


async def test_mounted_and_deleted_at_the_source_a_blob_lives_on(services: Services) -> None:
    digest = await push_blob(services, ACCESS, b"content")
    assert await mounts.mount(services, OTHER, digest, RepositoryName.parse(APP))
    await deletion.blob(services, ACCESS, digest)

    assert await collected(services, now() + timedelta(minutes=59)) == {}
    assert (await pull.blob(services, OTHER, digest)).digest == digest


async def test_a_head_protects_until_the_manifest_comes(services: Services, database_url: str) -> None:
    pusher = Pusher.to(services, APP)
    layer = await pusher.blob(b"layer", OCI_LAYER_GZIP)
    await _forget_leases_and_pushes(database_url)

    await pull.blob(services, ACCESS, digest_of(layer))
    assert await collected(services, now()) == {}

    await pusher.image("1", layers=[b"layer"])
    assert await _pulls_whole(services, "1")


@ON_SQLITE
async def test_the_job_collects_by_the_configured_time_of_grace(
    services: Services, database_url: str, storage_root: Path
) -> None:
    await Pusher.to(services, APP).image()
    await job.run(services)
    assert len(stored_blobs(storage_root)) == 2

    await _forget_leases_and_pushes(database_url)
    await job.run(services)
    while await index_objects.write_behind(services):
        pass

    assert stored_blobs(storage_root) == []
    assert job.job(services.settings).interval_s == services.settings.gc_interval_s


@ON_SQLITE
async def test_more_than_one_stretch_of_everything_is_collected(
    services: Services, monkeypatch: pytest.MonkeyPatch, storage_root: Path
) -> None:
    monkeypatch.setattr(garbage_collection, "_STRETCH", 2)
    monkeypatch.setattr(garbage_collection, "_REMOVED_AT_ONCE", 3)
    kept = 0
    for number in range(5):
        pusher = Pusher.to(services, f"team/app{number}")
        children = [await pusher.image(layers=[f"{number} {child}".encode()]) for child in range(4)]
        await pusher.index(manifests=children)
        await pusher.image("1", layers=[f"{number} kept".encode()])
        kept += 1

    found = await collected(services)

    counts = [sum(kind is each for each, _, _ in found) for kind in GarbageKind]
    assert counts == [25, 20, 20]
    assert len(stored_blobs(storage_root)) == kept + 1


CONTENTS = st.lists(
    st.one_of(
        st.tuples(st.just("image"), st.integers(0, 1), st.integers(0, 3), st.integers(0, 3), st.integers(-1, 6)),
        st.tuples(st.just("index"), st.integers(0, 1), st.lists(st.integers(0, 6), max_size=3), st.integers(-1, 6)),
        st.tuples(st.just("blob"), st.integers(0, 1), st.integers(0, 5)),
        st.tuples(st.just("tag"), st.integers(0, 1), st.integers(0, 6), st.integers(0, 2)),
        st.tuples(st.just("untag"), st.integers(0, 1), st.integers(0, 2)),
        st.tuples(st.just("delete"), st.integers(0, 1), st.integers(0, 6)),
    ),
    max_size=25,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(contents=CONTENTS)
async def test_whatever_is_there_a_dry_run_foretells_the_collection_and_what_stays_is_whole(
    contents: list[Any], tmp_path_factory: pytest.TempPathFactory, migrated_sqlite_file: Path
) -> None:
    folder = tmp_path_factory.mktemp("gc")
    (folder / "registry.db").write_bytes(migrated_sqlite_file.read_bytes())
    url = f"sqlite:///{folder / 'registry.db'}"
    async with open_services(folder, url) as services:
        pushed: list[list[Document]] = [[], []]
        for step in contents:
            await _do(services, pushed[step[1]], step)
        manifests = await _reachable(url)
        links = await _needed(url, manifests)

        await collected(services)

        assert await collected(services) == {}
        assert set(await execute(url, "SELECT id FROM manifest")) == {(each,) for each in manifests}
        assert set(await execute(url, "SELECT repository_id, blob_id FROM link")) == links
        keys = {key for (key,) in await execute(url, "SELECT key FROM blob")}
        assert {str(path.relative_to(folder / "blobs")) for path in stored_blobs(folder)} == keys
        assert len(keys) == len({blob for _, blob in links})


async def _do(services: Services, pushed: list[Document], step: Any) -> None:
    kind, number = step[:2]
    pusher = Pusher.to(services, f"r{number}")

    def one(index: int) -> Document | None:
        return pushed[index % len(pushed)] if pushed and index >= 0 else None

    if kind == "blob":
        await pusher.blob(f"blob {step[2]}".encode(), OCI_LAYER_GZIP)
    elif kind == "image":
        fields: dict[str, Any] = {} if one(step[4]) is None else {"subject": one(step[4])}
        layers = [f"blob {step[2]}".encode(), f"blob {step[3]}".encode()]
        pushed.append(await pusher.image(config=b"{}", layers=layers, **fields))
    elif kind == "index":
        fields = {} if one(step[3]) is None else {"subject": one(step[3])}
        children = [child for index in step[2] if (child := one(index)) is not None]
        pushed.append(await pusher.index(manifests=children, annotations={"n": str(len(pushed))}, **fields))
    elif kind == "tag" and (named := one(step[2])) is not None:
        await tags.point(services, pusher.access, Tag.parse(f"t{step[3]}"), digest_of(named))
    elif kind == "untag":
        await _perhaps(lambda: deletion.tag(services, pusher.access, Tag.parse(f"t{step[2]}")))
    elif kind == "delete" and (named := one(step[2])) is not None:
        pushed.remove(named)
        pushed[:] = [each for each in pushed if each["digest"] != named["digest"]]
        await _perhaps(lambda: deletion.manifest(services, pusher.access, digest_of(named)))


async def _perhaps(deleting: Callable[[], Awaitable[None]]) -> None:
    with suppress(ManifestUnknown):
        await deleting()


async def _reachable(url: str) -> set[int]:
    """The manifests that tags hold: those they name, what these list, what refers to these, and so on."""
    manifests = await execute(url, "SELECT id, repository_id, digest, subject_digest FROM manifest")
    references = await execute(url, "SELECT manifest_id, repository_id, digest FROM manifest_reference")
    named = {(repository, digest): number for number, repository, digest, _ in manifests}
    holds = [
        (parent, named[repository, digest])
        for parent, repository, digest in references
        if (repository, digest) in named
    ]
    holds += [
        (named[repository, subject], number)
        for number, repository, _, subject in manifests
        if (repository, subject) in named
    ]
    tagged = await execute(url, "SELECT repository_id, digest FROM tag WHERE valid_until IS NULL")
    reached = {named[each] for each in tagged}
    while further := {held for holder, held in holds if holder in reached} - reached:
        reached |= further
    return reached


async def _needed(url: str, manifests: set[int]) -> set[tuple[int, int]]:
    """The links to blobs that these manifests refer to."""
    rows = await execute(
        url,
        "SELECT link.repository_id, link.blob_id, manifest_id FROM link JOIN blob ON blob.id = link.blob_id "
        "JOIN manifest_reference r ON r.repository_id = link.repository_id AND r.digest = blob.digest",
    )
    return {(repository, blob) for repository, blob, manifest in rows if manifest in manifests}


async def _forget_leases_and_pushes(database_url: str) -> None:
    """Let all that was pushed so far have been pushed, and leased, three hours earlier."""
    ago = 3 * 3600 * 1_000_000
    await execute(
        database_url,
        f"UPDATE manifest SET pushed_at = pushed_at - {ago}",
        f"UPDATE manifest_lease SET lease_until = lease_until - {ago}",
        f"UPDATE link SET lease_until = lease_until - {ago}, created_at = created_at - {ago}",
        f"UPDATE blob SET created_at = created_at - {ago} RETURNING id",
    )


async def _pulls_whole(services: Services, *names: str) -> bool:
    """Pull everything that these tags name, all children and blobs included."""
    waiting: list[Reference] = [Tag.parse(name) for name in names]
    while waiting:
        found = await pull.manifest(services, ACCESS, waiting.pop())
        document = json.loads(found.content)
        waiting += [digest_of(child) for child in document.get("manifests", ())]
        for descriptor in (*document.get("layers", ()), *filter(None, [document.get("config")])):
            blob = await pull.blob(services, ACCESS, digest_of(descriptor))
            assert Digest.of(await stored_bytes(services, blob.key)) == blob.digest
    return True


def _removal(pending: list[OutboxEvent]) -> OutboxEvent:
    (found,) = (event for event in pending if event.kind == "blob.removed")
    return found
