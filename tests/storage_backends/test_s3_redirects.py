"""URLs that lead clients to S3 itself."""

from __future__ import annotations

from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from storage_backends.holding import UploadHolds
from storage_backends.s3._blocking.client import open_client
from storage_backends.s3._blocking.objects import Objects
from storage_backends.s3.redirecting import Redirects
from storage_backends.s3.store import S3BlobStore
from storage_backends.threads import BlockingPool
from tests.contracts.blob_store import MIB, stored
from tests.patterns import pattern
from tests.s3 import S3Server


def get(url: str, **headers: str) -> tuple[int, str, bytes]:
    """Status, type and body of what a URL leads to."""
    try:
        with urlopen(Request(url, headers=headers), timeout=60) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except HTTPError as error:
        with error:
            return error.code, "", b""


@pytest.mark.parametrize("size", [5, 11 * MIB], ids=["small", "of parts"])
async def test_a_blob_is_read_from_s3_itself_whole_and_in_part(server: S3Server, holds: UploadHolds, size: int) -> None:
    store = S3BlobStore(server.settings(redirect_lifetime_s=60, part_bytes=5 * MIB), holds)
    try:
        blob = await stored(store, pattern(size))

        url = await store.redirect(blob.key)

        assert url is not None
        assert get(url) == (200, "application/octet-stream", pattern(size))
        assert get(url, Range="bytes=1-3") == (206, "application/octet-stream", pattern(size)[1:4])
        # It is a key to this blob, and to nothing else.
        assert get(url.replace(blob.key, f"{'0' * 32}.{'0' * 32}"))[0] == 403
    finally:
        await store.close()


async def test_without_a_lifetime_nobody_is_led_anywhere(server: S3Server, holds: UploadHolds) -> None:
    store = S3BlobStore(server.settings(), holds)
    try:
        assert await store.redirect(f"{'0' * 32}.{'0' * 32}") is None
    finally:
        await store.close()


async def test_a_url_is_given_again_for_half_of_its_life(server: S3Server) -> None:
    now_s = 100.0
    settings = server.settings()
    objects, pool = Objects(open_client(settings), settings), BlockingPool(1, "test")
    redirects = Redirects(objects, pool, 60, base_url="https://cdn.example/r", clock=lambda: now_s)
    try:
        first = await redirects.url("a")
        signed = redirects._made["a"]
        now_s += 29
        again = await redirects.url("a")
        now_s += 2
        await redirects.url("a")
        later = redirects._made["a"]
    finally:
        await pool.close()

    assert first == again
    assert first.startswith(f"https://cdn.example/r/{server.bucket}/a?")
    assert later[1] > signed[1]
