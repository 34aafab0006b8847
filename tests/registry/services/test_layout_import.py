"""Importing image layouts: what comes in, what is refused, and that it can be gone on with."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from oci_spec.errors import ImageLayoutInvalid, ManifestInvalid
from oci_spec.image_layout import blob_path
from oci_spec.media_types import DOCKER_CONFIG, DOCKER_LAYER_GZIP, DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, OCI_MANIFEST
from oci_spec.reference import Tag, fallback_tag
from registry import limits
from registry.errors import BlobUnknown, DigestMismatch, ManifestBlobUnknown, ManifestTooLarge, ManifestUnknown
from registry.services import garbage_collection, layout_import, pull, referrers, tags
from registry.services.context import Services, now
from registry.services.garbage_report import GarbageKind
from registry.services.layout_import import Choice
from registry.services.progress import Progress, Unit
from storage_backends.layouts.reading import open_layout
from tests.registry.assembly import ON_SQLITE, OpenWorker, access_to
from tests.registry.pushing import Pusher
from tests.registry.services.layouts import Document, Layout, import_files
from tests.registry.uploading import push_blob, stored_blobs, upload_files
from tests.storage_backends.layouts.archives import folder

APP, OTHER = access_to("team/app"), access_to("team/other")
FORMS = ["folder", "archive", "pipe"]


def digest_of(descriptor: Document) -> Digest:
    return Digest.parse(descriptor["digest"])


async def named(services: Services, tag: str) -> Digest:
    return (await pull.manifest(services, APP, Tag.parse(tag))).digest


async def tag_names(services: Services) -> list[str]:
    return (await tags.page(services, APP, None, None)).names


@pytest.mark.parametrize("form", FORMS)
async def test_images_indexes_and_what_refers_to_them_come_in(services: Services, tmp_path: Path, form: str) -> None:
    layout = Layout()
    one = layout.image("1", "latest", layers=[b"one", b"two" * 1_000_000])
    inner = layout.index(manifests=[one])
    outer = layout.index("nested", manifests=[inner, layout.image(layers=[b"three"])])
    layout.list(layout.image(layers=[b"signature"], subject=one))

    imported = await import_files(services, APP, layout.all_files(), tmp_path, form=form)

    assert {str(tag): digest for tag, digest in imported.tags.items()} == {
        "1": digest_of(one),
        "latest": digest_of(one),
        "nested": digest_of(outer),
    }
    assert (imported.manifests, imported.blobs, imported.untagged) == (5, 5, [])
    for each in (one, outer, inner):
        content = (await pull.manifest(services, APP, digest_of(each))).content
        assert content == layout.files[blob_path(digest_of(each))]
    listed = json.loads((await referrers.page(services, APP, digest_of(one))).content)["manifests"]
    assert len(listed) == 1
    garbage = await garbage_collection.survey(services, moment=now() + timedelta(hours=2))
    assert garbage.total(GarbageKind.MANIFEST).count == garbage.total(GarbageKind.LINK).count == 0


@pytest.mark.parametrize("form", FORMS)
async def test_the_tags_history_tells_who_imported(services: Services, tmp_path: Path, form: str) -> None:
    layout = Layout()
    layout.image("1")

    await import_files(services, APP, layout.all_files(), tmp_path, form=form)

    [entry] = await tags.history(services, APP, Tag.parse("1"), 10)
    assert entry.actor == APP.actor


@pytest.mark.parametrize("form", FORMS)
async def test_what_the_registry_has_is_not_copied_again(
    services: Services, tmp_path: Path, storage_root: Path, form: str
) -> None:
    layout = Layout()
    layout.image("1", layers=[b"here", b"elsewhere", b"nowhere"])
    await push_blob(services, APP, b"here")
    await push_blob(services, OTHER, b"elsewhere")
    before = len(stored_blobs(storage_root))

    first = await import_files(services, APP, layout.all_files(), tmp_path, form=form)
    again = await import_files(services, APP, layout.all_files(), tmp_path, form=form)

    # A pipe's manifest cannot be told from a blob before the end, and is let go of then.
    extra = 1 if form == "pipe" else 0
    assert first.copied == 2 + extra
    assert len(stored_blobs(storage_root)) == before + 2 + extra
    assert again.copied == extra


@ON_SQLITE
async def test_dockers_types_and_long_digests_come_in(services: Services, tmp_path: Path) -> None:
    layout = Layout()
    image = layout.manifest(
        {
            "mediaType": DOCKER_MANIFEST,
            "config": layout.blob(b"{}", DOCKER_CONFIG, "sha512"),
            "layers": [layout.blob(b"layer", DOCKER_LAYER_GZIP, "sha512")],
        },
        algorithm="sha512",
    )
    both = layout.manifest({"mediaType": DOCKER_MANIFEST_LIST, "manifests": [image]}, "docker.io/library/app:1")

    await import_files(services, APP, layout.all_files(), tmp_path)

    assert await named(services, "1") == digest_of(both)
    assert (await pull.manifest(services, APP, digest_of(image))).media_type == DOCKER_MANIFEST


@ON_SQLITE
async def test_a_tag_is_chosen_and_given_another_name(services: Services, tmp_path: Path) -> None:
    layout = Layout()
    one, two = layout.image("1", layers=[b"one"]), layout.image("2", layers=[b"two"])
    layout.list(layout.image(layers=[b"signature"], subject=two))

    await import_files(services, APP, layout.all_files(), tmp_path, tags=(Tag.parse("2"),), renamed=Tag.parse("new"))

    assert await tag_names(services) == ["new"]
    assert await named(services, "new") == digest_of(two)
    assert b"signature" not in (await referrers.page(services, APP, digest_of(one))).content
    assert len(json.loads((await referrers.page(services, APP, digest_of(two))).content)["manifests"]) == 1
    with pytest.raises(ManifestUnknown):
        await pull.manifest(services, APP, digest_of(one))


@ON_SQLITE
async def test_a_list_of_referrers_comes_in_as_what_it_lists(services: Services, tmp_path: Path) -> None:
    layout = Layout()
    image, other = layout.image("1"), layout.image("2", layers=[b"other"])
    signature = layout.image(layers=[b"signature"], subject=image)
    fallback = str(fallback_tag(digest_of(image)))
    layout.index(fallback, manifests=[signature])
    # Not such a list, whatever its name says: it stays what it is.
    odd = str(fallback_tag(digest_of(other)))
    layout.index(odd, manifests=[signature])

    imported = await import_files(services, APP, layout.all_files(), tmp_path)

    assert await tag_names(services) == sorted(["1", "2", odd])
    assert imported.untagged == []
    page = await referrers.page(services, APP, digest_of(image))
    assert [entry["digest"] for entry in json.loads(page.content)["manifests"]] == [signature["digest"]]


@ON_SQLITE
async def test_one_image_gets_the_tag_that_is_asked_for_and_several_do_not(services: Services, tmp_path: Path) -> None:
    layout = Layout()
    one = layout.image(layers=[b"one"])
    # As oras lists them: every manifest, those that are parts of an index and those that refer to one too.
    for part in (one, layout.index(manifests=[one]), layout.image(layers=[b"signature"], subject=one)):
        layout.list(part)
    await import_files(services, APP, layout.all_files(), tmp_path, renamed=Tag.parse("new"))
    layout.image("a", layers=[b"two"])

    with pytest.raises(ImageLayoutInvalid, match=r"2 images.*its tags: a"):
        await import_files(services, APP, layout.all_files(), tmp_path, renamed=Tag.parse("new"))
    with pytest.raises(ImageLayoutInvalid, match="tag b; its tags: a"):
        await import_files(services, APP, layout.all_files(), tmp_path, tags=(Tag.parse("b"),))

    assert await named(services, "new") == digest_of(layout.entries[1])


@ON_SQLITE
async def test_what_no_tag_leads_to_is_named(services: Services, tmp_path: Path) -> None:
    layout = Layout()
    loose, tagged = layout.image(layers=[b"loose"]), layout.image("1")
    signature = layout.image(layers=[b"signature"], subject=tagged)
    here = await Pusher(services, APP).image(layers=[b"here"])
    for descriptor in (
        loose,
        signature,
        layout.image(layers=[b"proof"], subject=signature),
        layout.image(layers=[b"of another"], subject=here),
    ):
        layout.list(descriptor)

    imported = await import_files(services, APP, layout.all_files(), tmp_path)

    assert imported.untagged == [digest_of(loose)]


SPOILT: dict[str, tuple[type[Exception], dict[str, bytes]]] = {
    "no layout": (ImageLayoutInvalid, {}),
    "another version": (ImageLayoutInvalid, {"oci-layout": b'{"imageLayoutVersion": "2.0"}'}),
    "no index": (ImageLayoutInvalid, {"index.json": b"[]"}),
    "another layer": (DigestMismatch, {blob_path(Digest.of(b"a layer")): b"a liar!"}),
    "a shorter layer": (ImageLayoutInvalid, {blob_path(Digest.of(b"a layer")): b"a lay"}),
    "a longer config": (ImageLayoutInvalid, {blob_path(Digest.of(b"{}")): b"{}\n"}),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", SPOILT)
@ON_SQLITE
async def test_a_layout_that_lies_is_refused_and_nothing_is_tagged(
    services: Services, tmp_path: Path, case: str, form: str
) -> None:
    layout = Layout()
    layout.image("1")
    error, files = SPOILT[case]
    made = {**layout.all_files(), **files} if files else {"README": b""}
    # What comes through a pipe is compared with its name as it comes.
    expected = DigestMismatch if form == "pipe" and case in {"a shorter layer", "a longer config"} else error

    with pytest.raises(expected):
        await import_files(services, APP, made, tmp_path, form=form)

    with pytest.raises(ManifestUnknown):
        await named(services, "1")


async def test_one_bad_blob_among_many_is_told_of_and_leaves_no_upload_behind(
    services: Services, tmp_path: Path, storage_root: Path
) -> None:
    layout = Layout()
    layers = [bytes([number]) * 2_000_000 for number in range(8)]
    layout.image("1", layers=layers)
    files = {**layout.all_files(), blob_path(Digest.of(layers[1])): layers[0]}

    with pytest.raises(DigestMismatch) as refused:
        await import_files(services, APP, files, tmp_path)

    assert (refused.value.expected, refused.value.actual) == (Digest.of(layers[1]), Digest.of(layers[0]))
    assert upload_files(storage_root) == []


@ON_SQLITE
async def test_a_manifest_that_is_none_or_too_large_is_refused(open_worker: OpenWorker, tmp_path: Path) -> None:
    services = await open_worker(manifest_bytes=1000)
    broken, large, spoilt = Layout(), Layout(), Layout()
    broken.list(broken.blob(b"{}", OCI_MANIFEST))
    large.image("1", annotations={"a": "x" * 1000})
    files = spoilt.image("1")

    for layout, error in ((broken, ManifestInvalid), (large, ManifestTooLarge)):
        with pytest.raises(error):
            await import_files(services, APP, layout.all_files(), tmp_path)
    changed = spoilt.files[blob_path(digest_of(files))].replace(b"sha256", b"sha255", 1)
    with pytest.raises(DigestMismatch):
        await import_files(services, APP, {**spoilt.all_files(), blob_path(digest_of(files)): changed}, tmp_path)


@pytest.mark.parametrize("form", FORMS)
async def test_a_layout_that_lacks_something_is_refused_before_anything_is_copied(
    services: Services, tmp_path: Path, storage_root: Path, form: str
) -> None:
    layout = Layout()
    children = [layout.image(layers=[b"one"]), layout.image(layers=[b"two"])]
    layout.index("1", manifests=children)
    layout.without(children[1])
    layout.without(layout.blob(b"one"))

    with pytest.raises(ManifestBlobUnknown) as refused:
        await import_files(services, APP, layout.all_files(), tmp_path, form=form)

    assert refused.value.missing == (Digest.of(b"one"), digest_of(children[1]))
    if form != "pipe":
        assert stored_blobs(storage_root) == []


async def test_what_a_layout_lacks_may_be_in_the_repository(services: Services, tmp_path: Path) -> None:
    whole, sparse = Layout(), Layout()
    for layout in (whole, sparse):
        layout.index("1", manifests=[layout.image(layers=[b"one"]), layout.image(layers=[b"two"])])
    child = sparse.image(layers=[b"two"])
    sparse.without(child)
    sparse.without(sparse.blob(b"one"))
    await import_files(services, APP, {**whole.all_files()}, tmp_path)
    await tags.point(services, APP, Tag.parse("kept"), await named(services, "1"))

    imported = await import_files(services, APP, sparse.all_files(), tmp_path)

    assert imported.copied == 0


@ON_SQLITE
async def test_a_sparse_index_comes_in_where_that_is_allowed(open_worker: OpenWorker, tmp_path: Path) -> None:
    services = await open_worker(sparse_manifests=True)
    layout = Layout()
    child = layout.image(layers=[b"two"])
    index = layout.index("1", manifests=[layout.image(layers=[b"one"]), child])
    layout.without(child)
    layout.without(layout.blob(b"one"))
    await push_blob(services, OTHER, b"one")

    await import_files(services, APP, layout.all_files(), tmp_path)

    assert await named(services, "1") == digest_of(index)
    assert (await pull.blob(services, APP, Digest.of(b"one"))).size == 3


@ON_SQLITE
async def test_layers_that_stay_with_their_publisher_need_not_be_there(services: Services, tmp_path: Path) -> None:
    layout = Layout()
    foreign = {**layout.blob(b"foreign"), "urls": ["https://example.org/layer"]}
    layout.without(foreign)
    layout.manifest({"mediaType": OCI_MANIFEST, "config": layout.blob(b"{}"), "layers": [foreign]}, "1")

    imported = await import_files(services, APP, layout.all_files(), tmp_path)

    assert imported.blobs == 1


@ON_SQLITE
async def test_an_entry_that_is_not_there_is_refused_only_if_it_is_wanted(services: Services, tmp_path: Path) -> None:
    layout = Layout()
    layout.without(layout.image("gone", layers=[b"gone"]))
    layout.list(layout.blob(b"{}", "application/vnd.oci.artifact.manifest.v1+json"), "old")
    layout.image("1")

    for tag in ("gone", "old"):
        with pytest.raises(ImageLayoutInvalid, match="no such manifest"):
            await import_files(services, APP, layout.all_files(), tmp_path, tags=(Tag.parse(tag),))
    await import_files(services, APP, layout.all_files(), tmp_path, tags=(Tag.parse("1"),))

    assert await tag_names(services) == ["1"]


@ON_SQLITE
async def test_many_that_share_everything_are_looked_at_once_each(services: Services, tmp_path: Path) -> None:
    layout = Layout()
    level = [layout.image(layers=[b"one"]), layout.image(layers=[b"two"])]
    # 2^30 ways lead to the images; and deeper than indexes are followed elsewhere.
    for _ in range(30):
        level = [
            layout.index(manifests=level),
            layout.manifest({"mediaType": level[0]["mediaType"], "manifests": level, "annotations": {"b": ""}})
            if "index" in level[0]["mediaType"]
            else layout.index(manifests=level[:1]),
        ]
    layout.list(level[0], "top")

    imported = await import_files(services, APP, layout.all_files(), tmp_path)

    assert imported.manifests == 61


@ON_SQLITE
async def test_a_layout_that_names_too_much_is_refused(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout()
    layout.image("1", layers=[bytes([number]) for number in range(10)])
    monkeypatch.setattr(limits, "LAYOUT_MEMBERS", 10)

    with pytest.raises(ImageLayoutInvalid, match="more than 10 pieces"):
        await import_files(services, APP, layout.all_files(), tmp_path)


async def test_a_quarantined_blob_is_healed_by_an_import(
    services: Services, tmp_path: Path, storage_root: Path
) -> None:
    layout = Layout()
    layout.image("1")
    await import_files(services, APP, layout.all_files(), tmp_path)
    [file] = [path for path in stored_blobs(storage_root) if path.name.startswith(Digest.of(b"a layer").encoded)]
    file.unlink()
    blob = await pull.blob(services, APP, Digest.of(b"a layer"))
    with pytest.raises(BlobUnknown):
        await pull.open_blob(services, APP, blob)

    imported = await import_files(services, APP, layout.all_files(), tmp_path)

    assert imported.copied == 1
    async with await pull.open_blob(services, APP, await pull.blob(services, APP, blob.digest)) as reader:
        assert reader.size == blob.size


async def test_whoever_watches_learns_how_many_bytes_have_come(services: Services, tmp_path: Path) -> None:
    layout = Layout()
    layout.image("1", layers=[b"first", b"last"])
    source = folder(tmp_path / "layout", layout.all_files())
    told: list[Progress] = []

    async with open_layout(source, max_members=100) as opened:
        imported = await layout_import.import_layout(services, APP, opened, Choice(), progress=told.append)

    copying = [progress for progress in told if progress.unit is Unit.BYTES]
    assert copying[-1] == Progress("copying", imported.size, imported.size, Unit.BYTES)
    assert [progress.done for progress in copying] == sorted(progress.done for progress in copying)
