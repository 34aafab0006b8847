import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from registry.metadata.node_rows import Installation
from registry.services import installation
from registry.services.context import Services, now
from registry.services.installation import OBJECT, InstallationMismatch
from storage_backends.contract import BlobStore
from storage_backends.filesystem.store import FilesystemBlobStore


@pytest.fixture
async def other_store(tmp_path: Path) -> AsyncIterator[BlobStore]:
    store = FilesystemBlobStore(tmp_path / "other", 2)
    yield store
    await store.close()


async def paired(services: Services) -> str:
    return await installation.require_pair(services.database, services.store)


async def test_all_that_start_at_once_agree_on_one_installation(services: Services) -> None:
    names = await asyncio.gather(*(paired(services) for _ in range(10)))

    assert len(set(names)) == 1
    assert await paired(services) == names[0]


async def test_a_storage_that_is_none_of_this_database_is_refused(services: Services, other_store: BlobStore) -> None:
    own = await paired(services)

    with pytest.raises(InstallationMismatch, match=f"{own}, and the storage to none") as raised:
        await installation.require_pair(services.database, other_store)
    assert (raised.value.database, raised.value.storage) == (own, None)

    await other_store.put_object(OBJECT, b'{"format": 1, "installation": "another"}')
    with pytest.raises(InstallationMismatch, match=f"{own}, the storage to installation another"):
        await installation.require_pair(services.database, other_store)
    assert await paired(services) == own


async def test_a_new_database_takes_no_storage_of_another_one(services: Services) -> None:
    await services.store.put_object(OBJECT, b'{"format": 1, "installation": "another"}')

    with pytest.raises(InstallationMismatch, match=r"the database is new.*another"):
        await paired(services)

    assert await services.database.read(lambda tx: tx.installations.find()) is None


async def test_a_start_that_died_before_the_storage_was_told_is_made_good(services: Services) -> None:
    own = await paired(services)
    await services.store.delete_object(OBJECT)
    untold = Installation(own, now(), in_storage=False)
    await services.database.write(lambda tx: tx.installations.replace(untold))

    assert await paired(services) == own

    assert own.encode() in await services.store.get_object(OBJECT)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"installation": 7}', b"\xff"])
async def test_what_cannot_be_read_is_no_pair(services: Services, content: bytes) -> None:
    await paired(services)
    await services.store.put_object(OBJECT, content)

    with pytest.raises(InstallationMismatch, match="unreadable"):
        await paired(services)


async def test_two_can_be_declared_to_belong_together(services: Services, other_store: BlobStore) -> None:
    own = await paired(services)

    assert await installation.pair(services.database, other_store) == own

    assert await installation.require_pair(services.database, other_store) == own


async def test_a_new_database_takes_the_name_of_the_storage_that_it_is_paired_with(services: Services) -> None:
    await services.store.put_object(OBJECT, b'{"format": 1, "installation": "another"}')

    assert await installation.pair(services.database, services.store) == "another"

    assert await paired(services) == "another"
