"""Requests that meet, in one worker and in several, on databases of both kinds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from registry.errors import (
    BlobUnknown,
    UploadConflict,
    UploadUnknown,
)
from registry.metadata.rows import Upload
from registry.services import deletion, pull, uploads
from registry.services.context import Services
from registry.services.upload_body import Body
from storage_backends.contract import UploadSession
from storage_backends.filesystem.store import FilesystemBlobStore
from tests.registry.assembly import OpenWorker, access_to
from tests.registry.uploading import HeldBody, body, push_blob, stored_blobs, stored_bytes, upload_files

ACCESS = access_to("team/app")
CONTENT = b"a blob that comes in three parts"
DIGEST = Digest.of(CONTENT)


async def pulled(services: Services, digest: Digest) -> bytes:
    found = await pull.blob(services, ACCESS, digest)
    return await stored_bytes(services, found.key)


async def test_of_two_requests_at_once_one_is_refused_and_changes_nothing(open_worker: OpenWorker) -> None:
    here, there = await open_worker(), await open_worker()
    upload = await uploads.start(here, ACCESS, "sha256")
    gate = HeldBody(CONTENT[:5], CONTENT[5:])
    first = asyncio.create_task(uploads.append(here, ACCESS, upload.id, Body(gate.chunks())))
    await gate.taken.wait()

    for services in (here, there):
        with pytest.raises(UploadConflict):
            await uploads.append(services, ACCESS, upload.id, body(b"x" * 100))
        with pytest.raises(UploadConflict):
            await uploads.finish(services, ACCESS, upload.id, DIGEST, body=body(b"x" * 100))
    gate.opened.set()

    assert (await first).offset == len(CONTENT)
    await uploads.finish(there, ACCESS, upload.id, DIGEST, body=body())
    assert await pulled(here, DIGEST) == CONTENT


class Overtaken(FilesystemBlobStore):
    """A store that does something else before it gives a hold."""

    def __init__(self, root: Path, first: Callable[[], Awaitable[object]]) -> None:
        super().__init__(root, pool_size=1)
        self._first = first

    @asynccontextmanager
    async def session(self, key: str) -> AsyncIterator[UploadSession]:
        await self._first()
        async with super().session(key) as session:
            yield session


async def test_a_request_goes_on_from_where_another_left_the_session_just_before(
    services: Services, storage_root: Path
) -> None:
    upload = await uploads.start(services, ACCESS, "sha256")

    async def append_elsewhere() -> None:
        await uploads.append(services, ACCESS, upload.id, body(CONTENT[:9]))

    store = Overtaken(storage_root, append_elsewhere)
    late = replace(services, store=store)
    try:
        grown = await uploads.append(late, ACCESS, upload.id, body(CONTENT[9:]))
    finally:
        await store.close()

    assert grown.offset == len(CONTENT)
    await uploads.finish(services, ACCESS, upload.id, DIGEST, body=body())
    assert await pulled(services, DIGEST) == CONTENT


async def test_many_appends_at_once_never_interleave(open_worker: OpenWorker) -> None:
    workers = [await open_worker() for _ in range(3)]
    upload = await uploads.start(workers[0], ACCESS, "sha256")

    chunks = [bytes([number]) * 1000 for number in range(24)]
    outcomes = await asyncio.gather(
        *(
            uploads.append(workers[number % 3], ACCESS, upload.id, body(chunk[:400], chunk[400:]))
            for number, chunk in enumerate(chunks)
        ),
        return_exceptions=True,
    )

    assert {type(outcome) for outcome in outcomes} <= {Upload, UploadConflict}
    accepted = {
        outcome.offset: chunk for outcome, chunk in zip(outcomes, chunks, strict=True) if isinstance(outcome, Upload)
    }
    content = b"".join(accepted[offset] for offset in sorted(accepted))
    await uploads.finish(workers[1], ACCESS, upload.id, Digest.of(content), body=body())
    assert await pulled(workers[2], Digest.of(content)) == content


@pytest.mark.parametrize("ending", ["cancelled", "deleted with its repository"])
@pytest.mark.parametrize("request_kind", ["append", "finish"])
async def test_a_session_that_ends_under_a_request_leaves_no_bytes(
    services: Services, storage_root: Path, ending: str, request_kind: str
) -> None:
    if ending != "cancelled":
        await push_blob(services, ACCESS, b"so that there is a repository")
    kept = set(stored_blobs(storage_root))
    upload = await uploads.start(services, ACCESS, "sha256")
    gate = HeldBody(CONTENT[:5], CONTENT[5:])
    request = asyncio.create_task(
        uploads.append(services, ACCESS, upload.id, Body(gate.chunks()))
        if request_kind == "append"
        else _finish(services, upload, Body(gate.chunks()))
    )
    await gate.taken.wait()

    if ending == "cancelled":
        await uploads.cancel(services, ACCESS, upload.id)
    else:
        await deletion.repository(services, ACCESS)
    gate.opened.set()

    with pytest.raises(UploadUnknown):
        await request
    assert upload_files(storage_root) == []
    assert set(stored_blobs(storage_root)) == kept
    with pytest.raises(BlobUnknown):
        await pull.blob(services, ACCESS, DIGEST)


async def _finish(services: Services, upload: Upload, sent: Body) -> Upload:
    await uploads.finish(services, ACCESS, upload.id, DIGEST, body=sent)
    return upload
