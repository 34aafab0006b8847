"""What the services do with stored bytes, where those are in S3."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from registry.errors import BlobUnknown
from registry.jobs import index_objects as writing_behind
from registry.services import (
    garbage_collection,
    index_objects,
    pull,
    rebuild,
    reconciliation,
    upload_expiry,
    uploads,
    verification,
)
from registry.services.context import Services, now
from registry.services.rebuild import Loss
from registry.services.verification import FaultyBlob, Selection
from storage_backends.s3.settings import S3Settings
from tests.registry.assembly import access_to, open_services
from tests.registry.pushing import Pusher
from tests.registry.services.everything import everything, fill, known_digests
from tests.registry.uploading import body, push_blob, stored_bytes
from tests.s3 import S3Server, running_versitygw

pytestmark = pytest.mark.tool("versitygw")

APP = access_to("app")
MIB = 1 << 20


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with running_versitygw() as server:
        yield server


@pytest.fixture
def bucket(server: S3Server) -> S3Settings:
    return server.settings(part_bytes=5 * MIB)


@pytest.fixture
async def nodes(bucket: S3Settings, sqlite_url: str) -> AsyncIterator[list[Services]]:
    """Two workers of one registry."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(open_services(bucket, sqlite_url)) for _ in range(2)]


@pytest.fixture
def services(nodes: list[Services]) -> Services:
    return nodes[0]


def blobs(server: S3Server, bucket: S3Settings) -> list[str]:
    return server.names(f"{bucket.prefix}blobs/")


async def test_everything_comes_back_into_an_empty_database(
    services: Services, bucket: S3Settings, tmp_path: Path, migrated_sqlite_file: Path
) -> None:
    await fill(services, seed=1)
    await writing_behind.run(services)
    digests = await known_digests(services)
    before = await everything(services, digests)
    shutil.copyfile(migrated_sqlite_file, tmp_path / "second.db")
    losses: list[Loss] = []

    async with open_services(bucket, f"sqlite:///{tmp_path / 'second.db'}") as again:
        await rebuild.rebuild(again, told=losses.append)
        after = await everything(again, digests)

    assert losses == []
    assert after.keys() == before.keys()
    for name, held in before.items():
        assert after[name].tags == held.tags
        assert after[name].manifests == held.manifests
        assert after[name].referrers == held.referrers
        assert after[name].blobs == held.blobs


async def test_a_session_goes_on_at_another_node_and_leaves_one_object(
    nodes: list[Services], server: S3Server, bucket: S3Settings
) -> None:
    parts = [b"a" * 6 * MIB, b"b", b"c" * 11 * MIB]
    content = b"".join(parts)
    session = await uploads.start(nodes[0], APP, "sha256")

    for number, part in enumerate(parts):
        await uploads.append(nodes[number % 2], APP, session.id, body(part, length=len(part)))
    await uploads.finish(nodes[1], APP, session.id, Digest.of(content), body=body())

    blob = await pull.blob(nodes[0], APP, Digest.of(content))
    assert await stored_bytes(nodes[0], blob.key) == content
    assert len(blobs(server, bucket)) == 1
    assert server.names(f"{bucket.prefix}uploads/") == []
    assert server.pending(bucket.prefix) == []


async def test_corrupt_bytes_are_as_if_absent_until_a_push_heals_them(
    services: Services, server: S3Server, bucket: S3Settings
) -> None:
    digest = await push_blob(services, APP, b"what was pushed")
    [name] = blobs(server, bucket)
    server.client.put_object(Bucket=server.bucket, Key=name, Body=b"what was rotten")
    faulty: list[FaultyBlob] = []

    await verification.verify(services, Selection(), rate=None, told=faulty.append)
    with pytest.raises(BlobUnknown):
        await pull.blob(services, APP, digest)
    await writing_behind.run(services)
    await push_blob(services, APP, b"what was pushed")
    await writing_behind.run(services)

    assert [each.digest for each in faulty] == [digest]
    healed = await pull.blob(services, APP, digest)
    assert await stored_bytes(services, healed.key) == b"what was pushed"
    # Nothing but its index object tells where in the bucket it is.
    indexed = json.loads(await services.store.get_object(index_objects.blob_name(digest)))
    assert (indexed["key"], indexed["size"]) == (healed.key, healed.size)


async def test_what_nobody_needs_leaves_the_bucket(services: Services, server: S3Server, bucket: S3Settings) -> None:
    pusher = Pusher.to(services, "app")
    await pusher.image("kept", layers=[b"kept"])
    kept = set(blobs(server, bucket))
    await pusher.image(layers=[b"nobody's"], config={"os": "linux", "architecture": "s390x"})
    assert len(blobs(server, bucket)) > len(kept)

    await garbage_collection.collect(services, moment=now() + timedelta(hours=2), told=lambda _: None)
    await writing_behind.run(services)

    assert set(blobs(server, bucket)) == kept


async def test_objects_that_no_row_names_are_found_and_those_in_use_left_alone(
    services: Services, server: S3Server, bucket: S3Settings
) -> None:
    await push_blob(services, APP, b"named")
    state = await services.store.begin("sha256")
    async with services.store.session(state.key) as session:
        state = await session.append(state, body(b"stray").chunks)
        stray = await session.commit(state, Digest.of(b"stray"))
        held = [found async for found in reconciliation.remove_strays(services)]

    removed = [found async for found in reconciliation.remove_strays(services)]

    assert held == []
    assert removed == [stray]
    assert len(blobs(server, bucket)) == 1


async def test_a_blob_whose_object_is_gone_is_pushed_again(
    services: Services, server: S3Server, bucket: S3Settings
) -> None:
    digest = await push_blob(services, APP, b"lost")
    [name] = blobs(server, bucket)
    server.client.delete_object(Bucket=server.bucket, Key=name)

    found = [blob.digest async for blob in reconciliation.damaged(services)]
    await push_blob(services, APP, b"lost")

    assert found == [digest]
    assert await stored_bytes(services, (await pull.blob(services, APP, digest)).key) == b"lost"


async def test_sessions_that_nobody_goes_on_with_leave_nothing(
    services: Services, server: S3Server, bucket: S3Settings
) -> None:
    session = await uploads.start(services, APP, "sha256")
    await uploads.append(services, APP, session.id, body(b"x" * 7 * MIB + b"tail"))
    # As of a process that died in the middle.
    state = await services.store.begin("sha256")
    async with services.store.session(state.key) as other:
        await other.append(state, body(b"y" * 7 * MIB).chunks)
    assert len(server.pending(bucket.prefix)) == 2

    later = now() + timedelta(days=30)
    assert await upload_expiry.expire(services, later, limit=10) == 1
    assert await upload_expiry.reap(services, later) == 1

    assert server.pending(bucket.prefix) == []
    assert server.names(bucket.prefix) == []
