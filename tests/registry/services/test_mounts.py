"""Cross-repository mount: a link without a byte, for who may read the source."""

from __future__ import annotations

from pathlib import Path

import pytest

from oci_spec.digest import Digest
from registry.auth.permission import Permission
from registry.errors import BlobUnknown
from registry.services import mounts, pull
from registry.services.context import Services, now
from tests.registry.assembly import ON_SQLITE, OpenWorker, Rules, access_to
from tests.registry.uploading import push_blob, stored_blobs

pytestmark = ON_SQLITE

SOURCE, TARGET = access_to("team/base"), access_to("team/app")
CONTENT = b"a layer of both"
DIGEST = Digest.of(CONTENT)


async def is_linked(services: Services) -> bool:
    try:
        await pull.blob(services, TARGET, DIGEST)
    except BlobUnknown:
        return False
    return True


async def test_a_mounted_blob_is_in_both_repositories_and_stored_once(services: Services, storage_root: Path) -> None:
    await push_blob(services, SOURCE, CONTENT)

    assert await mounts.mount(services, TARGET, DIGEST, SOURCE.repository)

    assert await is_linked(services)
    assert (await pull.blob(services, SOURCE, DIGEST)).key == (await pull.blob(services, TARGET, DIGEST)).key
    assert len(stored_blobs(storage_root)) == 1


async def test_a_mounted_blob_is_leased(services: Services) -> None:
    await push_blob(services, SOURCE, CONTENT)
    moment = now()

    await mounts.mount(services, TARGET, DIGEST, SOURCE.repository)

    assert (await pull.blob(services, TARGET, DIGEST)).lease_until > moment


async def test_a_sha512_blob_is_mounted_too(services: Services) -> None:
    digest = await push_blob(services, SOURCE, CONTENT, "sha512")

    assert await mounts.mount(services, TARGET, digest, SOURCE.repository)
    assert await mounts.mount(services, access_to("team/third"), digest, None)


@pytest.mark.parametrize("source", ["team/base", "team/unknown"])
async def test_a_source_without_the_blob_mounts_nothing(services: Services, source: str) -> None:
    await push_blob(services, SOURCE, b"another blob")

    assert not await mounts.mount(services, TARGET, DIGEST, access_to(source).repository)

    assert not await is_linked(services)
    assert await services.database.read(lambda tx: tx.repositories.find(TARGET.repository)) is None


async def test_mount_without_pull_on_the_source_answers_as_if_absent(open_worker: OpenWorker) -> None:
    services = await open_worker(policy=Rules((Permission.PUSH, "team/base"), (Permission.PULL, "team/app")))
    await push_blob(services, SOURCE, CONTENT)

    assert not await mounts.mount(services, TARGET, DIGEST, SOURCE.repository)
    assert not await mounts.mount(services, TARGET, DIGEST, None)

    assert not await is_linked(services)


async def test_a_mount_without_a_source_takes_a_repository_that_the_subject_may_read(open_worker: OpenWorker) -> None:
    services = await open_worker(policy=Rules((Permission.PULL, "team/public")))
    await push_blob(services, SOURCE, CONTENT)
    assert not await mounts.mount(services, TARGET, DIGEST, None)

    await push_blob(services, access_to("team/public"), CONTENT)

    assert await mounts.mount(services, TARGET, DIGEST, None)
    assert await is_linked(services)


async def test_a_mount_without_a_source_of_what_nobody_has_mounts_nothing(services: Services) -> None:
    assert not await mounts.mount(services, TARGET, DIGEST, None)
