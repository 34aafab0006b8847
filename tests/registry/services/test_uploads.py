"""Upload sessions: what each request changes, and what a refused one leaves as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from oci_spec.errors import DigestUnsupported
from registry.auth.subject import ANONYMOUS, OPERATOR
from registry.errors import (
    BlobTooLarge,
    BlobUnknown,
    BodyIncomplete,
    DigestMismatch,
    RegistryError,
    SizeInvalid,
    UploadRangeInvalid,
    UploadUnknown,
)
from registry.metadata.rows import Upload
from registry.metadata.transaction import Transaction
from registry.services import pull, uploads
from registry.services.context import Services
from registry.services.upload_body import Body
from tests.registry.assembly import ON_SQLITE, OpenWorker, access_to
from tests.registry.uploading import (
    HeldBody,
    body,
    broken_body,
    stored_blobs,
    stored_bytes,
    upload_files,
)

pytestmark = ON_SQLITE

ACCESS = access_to("team/app")
CONTENT = b"a blob that comes in three parts"
DIGEST = Digest.of(CONTENT)


async def pulled(services: Services, digest: Digest) -> bytes:
    found = await pull.blob(services, ACCESS, digest)
    return await stored_bytes(services, found.key)


def all_uploads(tx: Transaction) -> list[Upload]:
    return tx.uploads.for_repository(ACCESS.repository)


async def test_a_session_alone_makes_no_repository(services: Services) -> None:
    upload = await uploads.start(services, ACCESS, "sha256")

    assert (await uploads.status(services, ACCESS, upload.id)).offset == 0
    assert await services.database.read(lambda tx: tx.repositories.find(ACCESS.repository)) is None


async def test_a_session_for_an_algorithm_that_cannot_be_computed_does_not_start(services: Services) -> None:
    with pytest.raises(DigestUnsupported):
        await uploads.start(services, ACCESS, "md5")

    assert await services.database.read(all_uploads) == []


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
async def test_chunks_and_a_last_one_make_a_blob(services: Services, storage_root: Path, algorithm: str) -> None:
    digest = Digest.of(CONTENT, algorithm)
    upload = await uploads.start(services, ACCESS, algorithm)
    await uploads.append(services, ACCESS, upload.id, body(CONTENT[:5]))
    upload = await uploads.append(services, ACCESS, upload.id, body(CONTENT[5:9], CONTENT[9:11], start=5, length=6))
    assert upload.offset == 11
    with pytest.raises(BlobUnknown):
        await pull.blob(services, ACCESS, digest)

    await uploads.finish(services, ACCESS, upload.id, digest, body=body(CONTENT[11:], start=11))

    assert await pulled(services, digest) == CONTENT
    assert upload_files(storage_root) == []
    assert await services.database.read(all_uploads) == []
    with pytest.raises(UploadUnknown):
        await uploads.status(services, ACCESS, upload.id)


async def test_an_empty_blob_passes_through_every_way(services: Services) -> None:
    nothing = Digest.of(b"")

    for repository in ("one/shot", "at/once", "after/a-chunk"):
        access = access_to(repository)
        if repository == "one/shot":
            await uploads.receive(services, access, nothing, body(length=0))
        else:
            upload = await uploads.start(services, access, "sha256")
            if repository == "after/a-chunk":
                await uploads.append(services, access, upload.id, body())
            await uploads.finish(services, access, upload.id, nothing, body=body())

        assert (await pull.blob(services, access, nothing)).size == 0


async def test_a_blob_in_one_request_leaves_no_session(services: Services, storage_root: Path) -> None:
    await uploads.receive(services, ACCESS, DIGEST, body(CONTENT[:7], CONTENT[7:]))

    assert await pulled(services, DIGEST) == CONTENT
    assert len(stored_blobs(storage_root)) == 1
    assert upload_files(storage_root) == []


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (lambda: body(CONTENT, length=len(CONTENT) - 1), SizeInvalid),
        (lambda: body(CONTENT, length=len(CONTENT) + 1), SizeInvalid),
        (lambda: broken_body(CONTENT), BodyIncomplete),
        (lambda: body(CONTENT[1:]), DigestMismatch),
        (lambda: body(CONTENT * 4), BlobTooLarge),
        (lambda: body(CONTENT * 4, length=4 * len(CONTENT)), BlobTooLarge),
    ],
    ids=["longer than said", "shorter than said", "broken off", "other content", "too large", "said to be too large"],
)
async def test_a_blob_that_is_refused_in_one_request_leaves_nothing(
    open_worker: OpenWorker, storage_root: Path, sent: Callable[[], Body], error: type[RegistryError]
) -> None:
    services = await open_worker(blob_bytes=2 * len(CONTENT))

    with pytest.raises(error) as refused:
        await uploads.receive(services, ACCESS, DIGEST, sent())

    assert stored_blobs(storage_root) == []
    assert upload_files(storage_root) == []
    assert await services.database.read(lambda tx: tx.outbox.pending(10)) == []
    assert await services.database.read(lambda tx: tx.repositories.find(ACCESS.repository)) is None
    assert refused.value is not refused.value.__cause__


@pytest.mark.parametrize("start", [0, 4, 6, 99])
async def test_a_chunk_that_starts_elsewhere_is_refused_and_changes_nothing(services: Services, start: int) -> None:
    upload = await uploads.start(services, ACCESS, "sha256")
    before = await uploads.append(services, ACCESS, upload.id, body(CONTENT[:5]))

    with pytest.raises(UploadRangeInvalid) as refused:
        await uploads.append(services, ACCESS, upload.id, body(CONTENT[:5], start=start))
    with pytest.raises(UploadRangeInvalid):
        await uploads.finish(services, ACCESS, upload.id, DIGEST, body=body(CONTENT[:5], start=start))

    assert (refused.value.offset, refused.value.start) == (5, start)
    assert await uploads.status(services, ACCESS, upload.id) == before
    await uploads.finish(services, ACCESS, upload.id, DIGEST, body=body(CONTENT[5:], start=5))
    assert await pulled(services, DIGEST) == CONTENT


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (lambda: body(b"abc", length=2), SizeInvalid),
        (lambda: body(b"abc", length=4), SizeInvalid),
        (lambda: body(CONTENT, CONTENT), BlobTooLarge),
        (lambda: body(CONTENT[4:]), BlobTooLarge),
        (lambda: body(b"abc", length=2 * len(CONTENT)), BlobTooLarge),
    ],
    ids=["longer than said", "shorter than said", "too large", "too large by one byte", "said to be too large"],
)
async def test_a_chunk_of_the_wrong_size_leaves_the_session_as_it_was(
    open_worker: OpenWorker, sent: Callable[[], Body], error: type[RegistryError]
) -> None:
    services = await open_worker(blob_bytes=len(CONTENT))
    upload = await uploads.start(services, ACCESS, "sha256")
    before = await uploads.append(services, ACCESS, upload.id, body(CONTENT[:5]))

    with pytest.raises(error) as refused:
        await uploads.append(services, ACCESS, upload.id, sent())

    if isinstance(refused.value, BlobTooLarge):
        assert refused.value.limit == len(CONTENT)
    assert await uploads.status(services, ACCESS, upload.id) == before
    await uploads.finish(services, ACCESS, upload.id, DIGEST, body=body(CONTENT[5:]))
    assert await pulled(services, DIGEST) == CONTENT


async def test_a_blob_may_be_exactly_as_large_as_allowed(open_worker: OpenWorker) -> None:
    services = await open_worker(blob_bytes=len(CONTENT))
    upload = await uploads.start(services, ACCESS, "sha256")
    await uploads.append(services, ACCESS, upload.id, body(CONTENT[:5], length=5))

    await uploads.finish(services, ACCESS, upload.id, DIGEST, body=body(CONTENT[5:], length=len(CONTENT) - 5))

    assert await pulled(services, DIGEST) == CONTENT


async def test_what_came_before_the_client_went_away_is_kept(services: Services) -> None:
    upload = await uploads.start(services, ACCESS, "sha256")

    with pytest.raises(BodyIncomplete):
        await uploads.append(services, ACCESS, upload.id, broken_body(CONTENT[:3], CONTENT[3:8], length=20))
    assert (await uploads.status(services, ACCESS, upload.id)).offset == 8
    with pytest.raises(BodyIncomplete):
        await uploads.finish(services, ACCESS, upload.id, DIGEST, body=broken_body(CONTENT[8:12], start=8))

    assert (await uploads.status(services, ACCESS, upload.id)).offset == 12
    await uploads.finish(services, ACCESS, upload.id, DIGEST, body=body(CONTENT[12:], start=12))
    assert await pulled(services, DIGEST) == CONTENT


async def test_a_session_closed_under_another_digest_is_gone(services: Services, storage_root: Path) -> None:
    upload = await uploads.start(services, ACCESS, "sha256")

    with pytest.raises(DigestMismatch) as refused:
        await uploads.finish(services, ACCESS, upload.id, DIGEST, body=body(b"something else"))

    assert refused.value.detail == {"expected": str(DIGEST), "actual": str(Digest.of(b"something else"))}
    with pytest.raises(UploadUnknown):
        await uploads.status(services, ACCESS, upload.id)
    assert stored_blobs(storage_root) == []
    assert upload_files(storage_root) == []


async def test_an_algorithm_first_named_at_the_close_is_computed_then(services: Services) -> None:
    digest = Digest.of(CONTENT, "sha512")
    upload = await uploads.start(services, ACCESS, "sha256")
    await uploads.append(services, ACCESS, upload.id, body(CONTENT[:5]))

    await uploads.finish(services, ACCESS, upload.id, digest, body=body(CONTENT[5:]))

    assert await pulled(services, digest) == CONTENT


async def test_the_digest_of_the_other_algorithm_is_checked_too(services: Services) -> None:
    upload = await uploads.start(services, ACCESS, "sha256")

    with pytest.raises(DigestMismatch):
        await uploads.finish(services, ACCESS, upload.id, Digest.of(b"other", "sha512"), body=body(CONTENT))


async def test_a_session_belongs_to_its_repository_and_subject(services: Services) -> None:
    upload = await uploads.start(services, ACCESS, "sha256")

    for access in (access_to("team/other"), access_to("team/app", OPERATOR)):
        with pytest.raises(UploadUnknown):
            await uploads.status(services, access, upload.id)
        with pytest.raises(UploadUnknown):
            await uploads.append(services, access, upload.id, body(b"x"))
        with pytest.raises(UploadUnknown):
            await uploads.finish(services, access, upload.id, DIGEST, body=body(b"x"))
        with pytest.raises(UploadUnknown):
            await uploads.cancel(services, access, upload.id)

    assert (await uploads.status(services, access_to("team/app", ANONYMOUS), upload.id)).offset == 0


async def test_a_cancelled_session_is_gone_with_its_bytes(services: Services, storage_root: Path) -> None:
    upload = await uploads.start(services, ACCESS, "sha256")
    await uploads.append(services, ACCESS, upload.id, body(CONTENT))

    await uploads.cancel(services, ACCESS, upload.id)

    with pytest.raises(UploadUnknown):
        await uploads.cancel(services, ACCESS, upload.id)
    assert upload_files(storage_root) == []


async def test_a_session_whose_time_is_over_is_gone_before_anybody_removes_it(open_worker: OpenWorker) -> None:
    services = await open_worker(upload_expire_s=0)

    upload = await uploads.start(services, ACCESS, "sha256")

    with pytest.raises(UploadUnknown):
        await uploads.status(services, ACCESS, upload.id)


async def test_a_session_whose_bytes_are_lost_is_given_up(services: Services, storage_root: Path) -> None:
    upload = await uploads.start(services, ACCESS, "sha256")
    await uploads.append(services, ACCESS, upload.id, body(CONTENT))
    [file] = upload_files(storage_root)
    file.write_bytes(CONTENT[:3])

    with pytest.raises(UploadUnknown):
        await uploads.append(services, ACCESS, upload.id, body(b"more"))

    with pytest.raises(UploadUnknown):
        await uploads.status(services, ACCESS, upload.id)
    assert upload_files(storage_root) == []


async def test_a_session_goes_on_when_its_end_was_committed_but_not_recorded(
    open_worker: OpenWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying, services = await open_worker(), await open_worker()
    upload = await uploads.start(dying, ACCESS, "sha256")
    before = await uploads.append(dying, ACCESS, upload.id, body(CONTENT[:5]))
    monkeypatch.setattr(dying.database, "write", _die)
    with pytest.raises(_Died):
        await uploads.finish(dying, ACCESS, upload.id, DIGEST, body=body(CONTENT[5:]))

    assert await uploads.status(services, ACCESS, upload.id) == before
    await uploads.append(services, ACCESS, upload.id, body(CONTENT[5:8], start=5))
    await uploads.finish(services, ACCESS, upload.id, DIGEST, body=body(CONTENT[8:], start=8))

    assert await pulled(services, DIGEST) == CONTENT


async def test_a_request_that_is_cancelled_leaves_the_session_as_it_was(services: Services) -> None:
    upload = await uploads.start(services, ACCESS, "sha256")
    before = await uploads.append(services, ACCESS, upload.id, body(CONTENT[:5]))
    gate = HeldBody(b"x" * 10, b"")
    request = asyncio.create_task(uploads.append(services, ACCESS, upload.id, Body(gate.chunks())))
    await gate.taken.wait()

    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request

    assert await uploads.status(services, ACCESS, upload.id) == before
    await uploads.finish(services, ACCESS, upload.id, DIGEST, body=body(CONTENT[5:]))
    assert await pulled(services, DIGEST) == CONTENT


class _Died(Exception):
    """A process ended."""


async def _die(*_: object, **__: object) -> None:
    raise _Died
