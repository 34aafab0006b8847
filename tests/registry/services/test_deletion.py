"""Deletion: of a tag, a manifest, a blob in one repository, and a repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_CONFIG
from oci_spec.reference import Tag
from registry.errors import BlobUnknown, ManifestUnknown, RepositoryUnknown, UploadUnknown
from registry.services import deletion, pull, referrers, tags, uploads
from registry.services.context import Services
from tests.registry.assembly import ON_SQLITE, access_to
from tests.registry.pushing import Pusher
from tests.registry.uploading import body, push_blob, stored_blobs, upload_files

ACCESS, OTHER = access_to("team/app"), access_to("team/other")
ONE, TWO, THREE = map(Tag.parse, ("1", "2", "3"))


async def kinds(services: Services) -> list[str]:
    return [event.kind for event in await services.database.read(lambda tx: tx.outbox.pending(1000))]


@ON_SQLITE
async def test_a_deleted_tag_leaves_the_manifest_and_its_other_tags(services: Services) -> None:
    image = await Pusher.to(services, "team/app").image("1", "2")

    await deletion.tag(services, ACCESS, ONE)

    with pytest.raises(ManifestUnknown):
        await pull.manifest(services, ACCESS, ONE)
    for reference in (TWO, Digest.parse(image["digest"])):
        assert str((await pull.manifest(services, ACCESS, reference)).digest) == image["digest"]
    assert (await kinds(services))[-1] == "tag.deleted"
    with pytest.raises(ManifestUnknown):
        await deletion.tag(services, ACCESS, ONE)


async def test_a_deleted_manifest_takes_all_its_tags_with_it(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    image = await pusher.image("1", "2")
    kept = await pusher.image("3", layers=[b"another layer"])
    await Pusher.to(services, "team/other").image("1")

    await deletion.manifest(services, ACCESS, Digest.parse(image["digest"]))

    for reference in (ONE, TWO, Digest.parse(image["digest"])):
        with pytest.raises(ManifestUnknown):
            await pull.manifest(services, ACCESS, reference)
    assert (await tags.page(services, ACCESS, None, None)).names == ["3"]
    assert str((await pull.manifest(services, ACCESS, THREE)).digest) == kept["digest"]
    assert str((await pull.manifest(services, OTHER, ONE)).digest) == image["digest"]
    assert (await kinds(services)).count("tag.deleted") == 2
    with pytest.raises(ManifestUnknown):
        await deletion.manifest(services, ACCESS, Digest.parse(image["digest"]))


@ON_SQLITE
async def test_a_sha512_manifest_is_deleted_under_its_own_digest(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    await pusher.image("1")
    content = (await pull.manifest(services, ACCESS, ONE)).content
    other = Digest.of(content, "sha512")

    with pytest.raises(ManifestUnknown):
        await deletion.manifest(services, ACCESS, other)
    await deletion.manifest(services, ACCESS, Digest.of(content))


@ON_SQLITE
async def test_a_deleted_referrer_is_no_longer_listed_and_a_deleted_subject_keeps_its_own(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    subject = await pusher.image("1")
    first = await pusher.image(layers=[b"first"], subject=subject)
    second = await pusher.image(layers=[b"second"], subject=subject)

    await deletion.manifest(services, ACCESS, Digest.parse(first["digest"]))
    await deletion.manifest(services, ACCESS, Digest.parse(subject["digest"]))

    listed = (await referrers.page(services, ACCESS, Digest.parse(subject["digest"]))).content
    assert second["digest"].encode() in listed
    assert first["digest"].encode() not in listed


async def test_a_deleted_blob_is_gone_here_and_stays_elsewhere(services: Services, storage_root: Path) -> None:
    digest = await push_blob(services, ACCESS, b"shared")
    await push_blob(services, OTHER, b"shared")

    await deletion.blob(services, ACCESS, digest)

    with pytest.raises(BlobUnknown):
        await pull.blob(services, ACCESS, digest)
    assert (await pull.blob(services, OTHER, digest)).size == 6
    assert len(stored_blobs(storage_root)) == 1
    assert (await kinds(services))[-1] == "blob.unlinked"
    with pytest.raises(BlobUnknown):
        await deletion.blob(services, ACCESS, digest)
    await push_blob(services, ACCESS, b"shared")
    assert (await pull.blob(services, ACCESS, digest)).size == 6


async def test_a_deleted_repository_is_gone_with_all_that_is_its_own(services: Services, storage_root: Path) -> None:
    pusher = Pusher.to(services, "team/app")
    image = await pusher.image("1")
    blob = await pusher.blob(b"shared", OCI_CONFIG)
    await push_blob(services, OTHER, b"shared")
    upload = await uploads.start(services, ACCESS, "sha256")
    await uploads.append(services, ACCESS, upload.id, body(b"bytes"))
    neighbour = await uploads.start(services, OTHER, "sha256")

    await deletion.repository(services, ACCESS)

    for reference in (ONE, Digest.parse(image["digest"])):
        with pytest.raises(ManifestUnknown):
            await pull.manifest(services, ACCESS, reference)
    with pytest.raises(BlobUnknown):
        await pull.blob(services, ACCESS, Digest.parse(blob["digest"]))
    with pytest.raises(RepositoryUnknown):
        await tags.history(services, ACCESS, ONE, 10)
    with pytest.raises(UploadUnknown):
        await uploads.status(services, ACCESS, upload.id)
    assert upload_files(storage_root) == []
    assert (await pull.blob(services, OTHER, Digest.parse(blob["digest"]))).size == 6
    assert (await uploads.status(services, OTHER, neighbour.id)).offset == 0
    with pytest.raises(RepositoryUnknown):
        await deletion.repository(services, ACCESS)


@ON_SQLITE
async def test_a_repository_that_is_made_again_remembers_nothing(services: Services) -> None:
    await Pusher.to(services, "team/app").image("1")
    await deletion.repository(services, ACCESS)

    await push_blob(services, ACCESS, b"new")

    assert (await tags.page(services, ACCESS, None, None)).names == []
    with pytest.raises(ManifestUnknown):
        await tags.history(services, ACCESS, ONE, 10)


@ON_SQLITE
async def test_what_never_was_cannot_be_deleted(services: Services) -> None:
    with pytest.raises(ManifestUnknown):
        await deletion.tag(services, ACCESS, ONE)
    with pytest.raises(ManifestUnknown):
        await deletion.manifest(services, ACCESS, Digest.of(b""))
    with pytest.raises(BlobUnknown):
        await deletion.blob(services, ACCESS, Digest.of(b""))
    with pytest.raises(RepositoryUnknown):
        await deletion.repository(services, ACCESS)
    assert await kinds(services) == []
