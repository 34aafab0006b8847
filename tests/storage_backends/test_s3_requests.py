"""What the store says to S3 beside the bytes: encryption, storage class; and over which connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.s3.forwarding import Forwarder, forwarding
from storage_backends.errors import StorageUnavailable
from storage_backends.holding import UploadHolds
from storage_backends.s3.store import S3BlobStore
from tests.certificates import Authority
from tests.contracts.blob_store import MIB, content_of, stored
from tests.patterns import pattern
from tests.s3 import S3Server, running_versitygw

pytestmark = pytest.mark.tool("versitygw")

ENCRYPTION = "x-amz-server-side-encryption"


@contextmanager
def overheard(endpoint: str) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """The URL of a proxy before `endpoint`, and the headers of what makes objects there."""
    upstream_url, heard = urlsplit(endpoint), list[dict[str, str]]()

    class Handler(Forwarder):
        upstream = (upstream_url.hostname or "", upstream_url.port or 80)

        def forward(self, body: bytes) -> None:
            if (self.command == "PUT" and "partNumber" not in self.path) or self.path.endswith("?uploads"):
                heard.append({name.lower(): value for name, value in self.headers.items()})
            super().forward(body)

    with forwarding(Handler) as address:
        yield f"http://{address}", heard


async def test_every_object_is_made_as_the_settings_say(versitygw: S3Server, holds: UploadHolds) -> None:
    chosen = {
        "server_side_encryption": "aws:kms",
        "kms_key_id": "alias/registry",
        "storage_class": "STANDARD_IA",
        "part_bytes": 5 * MIB,
    }
    with overheard(versitygw.endpoint) as (endpoint, heard):
        store = S3BlobStore(versitygw.settings(endpoint=endpoint, **chosen), holds)
        try:
            await stored(store, b"small")
            await stored(store, pattern(11 * MIB))
            await store.put_object("name", b"index")
        finally:
            await store.close()

    # What is put at once twice as a blob's tail and end, the multipart upload, and the index object.
    assert len(heard) >= 4
    for headers in heard:
        assert headers[ENCRYPTION] == "aws:kms"
        assert headers[f"{ENCRYPTION}-aws-kms-key-id"] == "alias/registry"
        assert headers["x-amz-storage-class"] == "STANDARD_IA"
        assert headers["content-type"] == "application/octet-stream"


async def test_a_server_is_believed_by_the_authority_that_the_settings_name(holds: UploadHolds, tmp_path: Path) -> None:
    authority = Authority.made_in(tmp_path / "authority")
    with running_versitygw(authority.sign("localhost"), authority.certificate) as server:
        store = S3BlobStore(server.settings(ca_bundle=str(authority.certificate), part_bytes=5 * MIB), holds)
        stranger = S3BlobStore(server.settings(), holds)
        try:
            blob = await stored(store, pattern(11 * MIB))
            assert await content_of(store, blob.key) == pattern(11 * MIB)
            with pytest.raises(StorageUnavailable, match="certificate"):
                await stranger.stat(blob.key)
        finally:
            await store.close()
            await stranger.close()
