"""Sessions and bytes that nobody goes on with."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from registry.errors import UploadUnknown
from registry.jobs import upload_expiry as job
from registry.services import upload_expiry, uploads
from registry.services.context import Services, now
from registry.services.upload_body import Body
from tests.registry.assembly import ON_SQLITE, OpenWorker, access_to
from tests.registry.uploading import HeldBody, body, push_blob, stored_blobs, upload_files

pytestmark = ON_SQLITE

ACCESS = access_to("team/app")


async def test_a_session_is_removed_with_its_bytes_once_its_time_is_over(
    open_worker: OpenWorker, storage_root: Path
) -> None:
    services = await open_worker(upload_expire_s=100)
    upload = await uploads.start(services, ACCESS, "sha256")
    await uploads.append(services, ACCESS, upload.id, body(b"bytes"))

    assert await upload_expiry.expire(services, now() + timedelta(seconds=90), 10) == 0
    assert (await uploads.status(services, ACCESS, upload.id)).offset == 5

    assert await upload_expiry.expire(services, now() + timedelta(seconds=110), 10) == 1
    assert upload_files(storage_root) == []
    with pytest.raises(UploadUnknown):
        await uploads.status(services, ACCESS, upload.id)


async def test_each_chunk_gives_a_session_its_whole_time_again(open_worker: OpenWorker) -> None:
    services = await open_worker(upload_expire_s=100)
    begun = await uploads.start(services, ACCESS, "sha256")

    grown = await uploads.append(services, ACCESS, begun.id, body(b"bytes"))

    assert grown.expires_at - grown.updated_at == timedelta(seconds=100)
    assert grown.expires_at > begun.expires_at
    assert await upload_expiry.expire(services, begun.expires_at, 10) == 0


async def test_a_session_whose_bytes_are_just_coming_in_is_not_abandoned(open_worker: OpenWorker) -> None:
    services, other = await open_worker(upload_expire_s=100), await open_worker(upload_expire_s=100)
    upload = await uploads.start(services, ACCESS, "sha256")
    held = HeldBody(b"slow ", b"bytes")
    request = asyncio.create_task(uploads.append(services, ACCESS, upload.id, Body(held.chunks())))
    await held.taken.wait()

    assert await upload_expiry.expire(other, now() + timedelta(days=1), 10) == 0
    held.opened.set()

    assert (await request).offset == 10
    await uploads.finish(services, ACCESS, upload.id, Digest.of(b"slow bytes"), body=body())


async def test_sessions_are_removed_a_batch_at_a_time(open_worker: OpenWorker, storage_root: Path) -> None:
    services = await open_worker(upload_expire_s=0)
    for _ in range(5):
        await uploads.start(services, ACCESS, "sha256")

    assert await upload_expiry.expire(services, now(), 3) == 3
    assert await upload_expiry.expire(services, now(), 3) == 2
    assert await upload_expiry.expire(services, now(), 3) == 0


async def test_bytes_of_no_session_are_removed_when_no_session_could_be_as_old(
    open_worker: OpenWorker, storage_root: Path
) -> None:
    services = await open_worker(upload_expire_s=100)
    upload = await uploads.start(services, ACCESS, "sha256")
    await uploads.append(services, ACCESS, upload.id, body(b"bytes"))
    await services.database.write(lambda tx: tx.uploads.delete(upload.id, None))
    await push_blob(services, ACCESS, b"a blob, which stays")
    live = await uploads.start(services, ACCESS, "sha256")
    live = await uploads.append(services, ACCESS, live.id, body(b"bytes"))

    assert await upload_expiry.reap(services, now()) == 0
    assert len(upload_files(storage_root)) == 2
    os.utime(storage_root / "uploads" / upload.key, (0, 0))

    assert await upload_expiry.reap(services, now()) == 1
    assert [file.name for file in upload_files(storage_root)] == [live.key]
    assert len(stored_blobs(storage_root)) == 1


async def test_the_job_removes_all_that_is_due(open_worker: OpenWorker, storage_root: Path) -> None:
    services = await open_worker(upload_expire_s=0)
    for _ in range(3):
        await uploads.start(services, ACCESS, "sha256")
    stray = storage_root / "uploads" / ("0" * 32)
    stray.write_bytes(b"left by a process that died")
    os.utime(stray, (0, 0))

    await job.run(services)

    assert await services.database.read(lambda tx: tx.uploads.for_repository(ACCESS.repository)) == []
    assert upload_files(storage_root) == []


async def test_a_finished_session_is_nothing_to_expire(services: Services, storage_root: Path) -> None:
    upload = await uploads.start(services, ACCESS, "sha256")
    await uploads.finish(services, ACCESS, upload.id, Digest.of(b"bytes"), body=body(b"bytes"))

    assert await upload_expiry.expire(services, now() + timedelta(days=9), 10) == 0
    assert len(stored_blobs(storage_root)) == 1
