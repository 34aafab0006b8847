"""The contract on Ceph's S3 server, for `make test-rgw`: by its name, no other test run takes this for tests."""

from __future__ import annotations

import pytest

from storage_backends.s3.settings import S3Settings
from tests.contracts.blob_store import BlobStoreContract
from tests.s3 import S3Server
from tests.storage_backends.test_s3 import peer, store

__all__ = ["peer", "store"]


@pytest.mark.tool("radosgw")
class TestOnRgw(BlobStoreContract):
    """The contract, where checksums are ignored, and an upload that was aborted is an unknown key."""

    @pytest.fixture
    def settings(self, rgw: S3Server) -> S3Settings:
        return rgw.settings()
