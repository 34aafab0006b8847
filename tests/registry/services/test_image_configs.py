"""Reading many image configurations: none of them, and not all of them together, may hold up the event loop."""

from __future__ import annotations

import asyncio

from oci_spec.descriptor import Platform
from oci_spec.digest import Digest
from oci_spec.media_types import OCI_CONFIG
from registry import limits
from registry.metadata.rows import LinkedBlob
from registry.metadata.transaction import Transaction
from registry.services.context import Services
from tests.registry.assembly import ON_SQLITE, access_to
from tests.registry.pushing import Pusher

pytestmark = ON_SQLITE

ACCESS = access_to("team/app")


async def pushed(services: Services, *contents: bytes) -> list[LinkedBlob]:
    pusher = Pusher.to(services, "team/app")
    digests = [Digest.parse((await pusher.blob(content, OCI_CONFIG))["digest"]) for content in contents]

    def find(tx: Transaction) -> list[LinkedBlob]:
        repository = tx.repositories.find(ACCESS.repository)
        assert repository is not None
        linked = tx.blobs.linked_among(repository.id, digests)
        return [linked[digest] for digest in digests]

    return await services.database.read(find)


def config(architecture: str) -> bytes:
    return b'{"os": "linux", "architecture": "%s"}' % architecture.encode()


async def test_others_run_while_many_configurations_are_read(services: Services) -> None:
    blobs = await pushed(services, *(config(f"a{number}") for number in range(64)))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    found = await services.image_configs.platforms(services.store, blobs)
    counting.cancel()

    assert len(found) == 64
    assert turns >= len(blobs) / limits.IMAGE_CONFIG_READS


async def test_a_configuration_that_is_asked_for_twice_is_read_once_and_told_to_both(services: Services) -> None:
    [blob, other] = await pushed(services, config("amd64"), config("arm64"))

    platforms = await services.image_configs.platforms(services.store, [blob, other, blob])
    configs = await services.image_configs.read(services.store, [blob, other, blob])

    assert platforms == {blob.digest: Platform("linux", "amd64"), other.digest: Platform("linux", "arm64")}
    assert configs.keys() == platforms.keys()


async def test_a_large_configuration_is_read_like_a_small_one(services: Services) -> None:
    filler = b"x" * limits.INLINE_BLOB_BYTES
    [blob] = await pushed(services, config("amd64").replace(b"}", b', "author": "' + filler + b'"}'))

    configs = await services.image_configs.read(services.store, [blob])

    assert configs[blob.digest].author == filler.decode()
