"""The hash state of a session: taken up by any worker without reading, and never taken from somebody else."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from oci_spec.digest import Digest
from registry.errors import DigestMismatch
from registry.metadata.rows import Upload, UploadProgress
from registry.metadata.transaction import Transaction
from registry.services import uploads
from registry.services.context import Services
from tests.registry.assembly import ON_SQLITE, OpenWorker, access_to
from tests.registry.uploading import body, stored_blobs, upload_files

pytestmark = ON_SQLITE

ACCESS = access_to("team/app")
FIRST, LAST = b"the first half " * 50, b"and the second " * 50
OTHER = b"as long a text " * 50


async def begun(services: Services, content: bytes = FIRST) -> Upload:
    upload = await uploads.start(services, ACCESS, "sha256")
    return await uploads.append(services, ACCESS, upload.id, body(content))


def overwrite(root: Path, content: bytes) -> None:
    """Put other bytes in the place of the only upload's, so that whoever reads them sees them."""
    [file] = upload_files(root)
    file.write_bytes(content)


async def rewrite_row(services: Services, upload: Upload) -> None:
    """Change a session's row as somebody could who can write the database and nothing else."""
    progress = UploadProgress(upload.algorithm, upload.offset, upload.hash_state, upload.backend_state, upload.tail)

    def save(tx: Transaction) -> bool:
        return tx.uploads.save(upload.id, upload.version, progress, now=upload.updated_at, expires_at=upload.expires_at)

    assert await services.database.write(save)


async def test_another_worker_goes_on_without_reading_what_is_stored(
    open_worker: OpenWorker, storage_root: Path
) -> None:
    upload = await begun(await open_worker())
    # Were the stored bytes read again, the digest would be theirs.
    overwrite(storage_root, OTHER)

    await uploads.finish(await open_worker(), ACCESS, upload.id, Digest.of(FIRST + LAST), body=body(LAST))

    [blob] = stored_blobs(storage_root)
    assert blob.read_bytes() == OTHER + LAST


async def test_an_algorithm_first_named_at_the_close_costs_a_look_at_all_bytes(
    services: Services, storage_root: Path
) -> None:
    upload = await begun(services)
    overwrite(storage_root, OTHER)

    with pytest.raises(DigestMismatch) as refused:
        await uploads.finish(services, ACCESS, upload.id, Digest.of(FIRST + LAST, "sha512"), body=body(LAST))

    assert refused.value.actual == Digest.of(OTHER + LAST, "sha512")


async def test_a_forged_hash_state_is_not_believed(services: Services) -> None:
    upload = await begun(services)
    forged = bytearray(upload.hash_state)
    forged[-100] ^= 1
    await rewrite_row(services, replace(upload, hash_state=bytes(forged)))

    await uploads.finish(services, ACCESS, upload.id, Digest.of(FIRST + LAST), body=body(LAST))


@pytest.mark.parametrize("cut", [0, 1, 23, 24, 60])
async def test_a_hash_state_that_was_cut_short_is_not_believed(services: Services, cut: int) -> None:
    upload = await begun(services)
    await rewrite_row(services, replace(upload, hash_state=upload.hash_state[:cut]))

    upload = await uploads.append(services, ACCESS, upload.id, body(LAST))

    await uploads.finish(services, ACCESS, upload.id, Digest.of(FIRST + LAST), body=body())


async def test_the_hash_state_of_another_upload_is_not_believed(services: Services) -> None:
    """The seal is genuine, the offset is the same: only the upload that it was made for differs."""
    honest = await begun(services, OTHER)
    upload = await begun(services)
    await rewrite_row(services, replace(upload, hash_state=honest.hash_state))

    with pytest.raises(DigestMismatch) as refused:
        await uploads.finish(services, ACCESS, upload.id, Digest.of(OTHER), body=body())

    assert refused.value.actual == Digest.of(FIRST)


async def test_an_earlier_hash_state_of_the_same_upload_is_not_believed(services: Services) -> None:
    earlier = await begun(services)
    later = await uploads.append(services, ACCESS, earlier.id, body(LAST))
    await rewrite_row(services, replace(later, hash_state=earlier.hash_state))

    await uploads.finish(services, ACCESS, later.id, Digest.of(FIRST + LAST), body=body())


async def test_a_session_goes_on_after_the_keys_were_rotated(open_worker: OpenWorker, storage_root: Path) -> None:
    services = await open_worker()
    upload = await begun(services)
    await services.secrets.rotate()

    upload = await uploads.append(await open_worker(), ACCESS, upload.id, body(LAST))

    overwrite(storage_root, OTHER + LAST)
    await uploads.finish(services, ACCESS, upload.id, Digest.of(FIRST + LAST), body=body())
