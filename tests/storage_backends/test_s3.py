"""The contract on the S3 servers that differ most."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from storage_backends.contract import BlobStore
from storage_backends.holding import UploadHolds
from storage_backends.s3.settings import S3Settings
from storage_backends.s3.store import S3BlobStore
from tests.contracts.blob_store import MIB, BlobStoreContract
from tests.patterns import pattern

# Last but for a few small files, they would leave the other processes without work.
pytestmark = pytest.mark.long


@pytest.fixture
async def store(settings: S3Settings, holds: UploadHolds) -> AsyncIterator[BlobStore]:
    store = S3BlobStore(settings, holds)
    yield store
    await store.close()


@pytest.fixture
async def peer(settings: S3Settings, holds: UploadHolds, store: BlobStore) -> AsyncIterator[BlobStore]:
    peer = S3BlobStore(settings, holds)
    yield peer
    await peer.close()


@pytest.mark.tool("versitygw")
class TestOnVersitygw(BlobStoreContract):
    """The contract, where objects are files."""

    # It stores an object whose name ends in more than 220 characters, and then takes it for a folder.
    @pytest.mark.parametrize("content", [b"", b"{}", pattern(5 * MIB)], ids=["empty", "small", "5 MiB"])
    @pytest.mark.parametrize("name", ["a", "repositories/team/app/_tags/v1.0-rc_1", "-/_/A.b", "n" * 255 + "/x"])
    async def test_an_object_is_what_was_last_put(
        self, store: BlobStore, peer: BlobStore, name: str, content: bytes
    ) -> None:
        await super().test_an_object_is_what_was_last_put(store, peer, name, content)

    @pytest.fixture
    def settings(self, request: pytest.FixtureRequest) -> S3Settings:
        settings: S3Settings = request.getfixturevalue("versitygw").settings()
        return settings


@pytest.mark.tool("minio")
class TestOnMinio(BlobStoreContract):
    """The contract, where a completed upload is unknown and none is found by a prefix."""

    @pytest.fixture
    def settings(self, request: pytest.FixtureRequest) -> S3Settings:
        settings: S3Settings = request.getfixturevalue("minio").settings()
        return settings
