"""Upload sessions: from the first byte of a blob to the moment it is durable and linked.

A session is a row (offset, hash state, owner, version) and bytes in the store. Requests on one session may reach any
worker: each takes the store's exclusive hold on the bytes, reads the row again inside it, and saves the row only if
its version is still the one it read, so that two requests never interleave.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from msgspec.structs import replace

from oci_spec.digest import Digest
from registry.auth.access import Access
from registry.errors import (
    BodyIncomplete,
    DigestMismatch,
    SizeInvalid,
    UploadConflict,
    UploadRangeInvalid,
    UploadUnknown,
)
from registry.metadata.rows import Upload, UploadProgress
from registry.metadata.transaction import Transaction
from registry.services import blobs
from registry.services.context import Services, now
from registry.services.upload_body import Body, BoundedBody
from registry.services.upload_state import sealed_hash_state, stored_state, verified_state
from storage_backends import errors as storage
from storage_backends.contract import UploadSession, UploadState


async def start(services: Services, access: Access, algorithm: str) -> Upload:
    """Open a session for a blob that will most likely be named by a digest of `algorithm`.

    The repository need not exist; it does not come to exist by this either.
    """
    moment = now()
    state = await services.store.begin(algorithm)
    upload = Upload(
        id=str(uuid.uuid4()),
        repository=access.repository,
        subject=access.actor,
        algorithm=algorithm,
        key=state.key,
        offset=state.offset,
        hash_state=sealed_hash_state(services, state),
        backend_state=state.backend_state,
        tail=state.tail,
        version=0,
        started_at=moment,
        updated_at=moment,
        expires_at=_expiry(services, moment),
    )
    await services.database.note(_create, upload)
    return upload


async def status(services: Services, access: Access, upload_id: str) -> Upload:
    """The session as it stands.

    Raises:
        UploadUnknown: no such session of this subject in this repository.
    """
    upload = await services.database.lookups.upload(upload_id)
    if upload is None or upload.repository != access.repository or upload.subject != access.actor:
        raise UploadUnknown(upload_id)
    if upload.expires_at <= now():
        raise UploadUnknown(upload_id)
    return upload


async def append(services: Services, access: Access, upload_id: str, body: Body) -> Upload:
    """Add `body` to the session's end.

    When the client goes away in the middle, what came before is kept: the session's offset tells the truth.

    Raises:
        UploadUnknown, UploadConflict: see `registry.errors`.
        UploadRangeInvalid: the body does not start at the session's offset; the session is as it was.
        SizeInvalid, BlobTooLarge: more or fewer bytes than declared or allowed; the session is as it was.
        BodyIncomplete: the client went away.
    """
    async with _held(services, access, upload_id) as (upload, session):
        try:
            state = await _receive(services, session, upload, body)
        except storage.AppendInterrupted as interrupted:
            await _save(services, upload, interrupted.state)
            raise BodyIncomplete from interrupted
        return await _save(services, upload, state)


async def finish(services: Services, access: Access, upload_id: str, digest: Digest, *, body: Body) -> None:
    """Add the last bytes, check the digest of the whole, and make the blob durable and readable in the repository.

    Raises:
        UploadUnknown, UploadConflict, UploadRangeInvalid, SizeInvalid, BlobTooLarge, BodyIncomplete: as `append`.
        DigestMismatch: the content is another; the session is gone (distribution-spec, "Pushing blobs").
    """
    async with _held(services, access, upload_id) as (upload, session):
        try:
            state = await _receive(services, session, upload, body, to_commit=True)
            stored = await session.commit(state, digest)
        except storage.AppendInterrupted as interrupted:
            await _save(services, upload, interrupted.state)
            raise BodyIncomplete from interrupted
        except storage.DigestMismatch as mismatch:
            await _discard(services, upload)
            raise DigestMismatch(mismatch.expected, mismatch.actual) from mismatch
        if not await blobs.publish(services, access, digest, stored, upload=upload):
            raise await _overtaken(services, upload)


async def receive(services: Services, access: Access, digest: Digest, body: Body) -> None:
    """Take a whole blob in one request (distribution-spec, "Single POST"); no session is left behind, come what may.

    Raises:
        SizeInvalid, BlobTooLarge, BodyIncomplete, DigestMismatch: nothing was kept.
    """
    state = await services.store.begin(digest.algorithm)
    try:
        async with services.store.session(state.key) as session:
            whole = await session.append(state, BoundedBody(body, 0, services.settings.blob_bytes), to_commit=True)
            _require_length(body, whole.offset)
            stored = await session.commit(whole, digest)
            await blobs.publish(services, access, digest, stored)
    except storage.AppendInterrupted as interrupted:
        raise _reason(interrupted) from None
    except storage.DigestMismatch as mismatch:
        raise DigestMismatch(mismatch.expected, mismatch.actual) from mismatch
    finally:
        # Does nothing after a commit, which takes the session's bytes away.
        await services.store.abort(state)


async def cancel(services: Services, access: Access, upload_id: str) -> None:
    """Forget the session and its bytes.

    Raises:
        UploadUnknown: no such session of this subject in this repository.
    """
    upload = await status(services, access, upload_id)
    await _discard(services, upload)


@asynccontextmanager
async def _held(services: Services, access: Access, upload_id: str) -> AsyncIterator[tuple[Upload, UploadSession]]:
    """The session, held against all other requests, and its row as it stands inside the hold."""
    known = await status(services, access, upload_id)
    try:
        async with services.store.session(known.key) as session:
            # Another request may have moved the session on between the first look and the hold.
            yield await status(services, access, upload_id), session
    except storage.UploadBusy as busy:
        raise UploadConflict(upload_id) from busy
    except storage.UploadLost as lost:
        await _discard(services, known)
        raise UploadUnknown(upload_id) from lost


async def _receive(
    services: Services, session: UploadSession, upload: Upload, body: Body, *, to_commit: bool = False
) -> UploadState:
    """Append `body` where the session ends; raises AppendInterrupted only for a client that went away."""
    if body.start is not None and body.start != upload.offset:
        raise UploadRangeInvalid(upload.id, upload.offset, body.start)
    state = await verified_state(services, upload)
    if body.length == 0:
        return state
    try:
        bounded = BoundedBody(body, upload.offset, services.settings.blob_bytes)
        grown = await session.append(state, bounded, to_commit=to_commit)
    except storage.AppendInterrupted as interrupted:
        if not isinstance(interrupted.__cause__, BodyIncomplete):
            raise _reason(interrupted) from None
        raise
    _require_length(body, grown.offset - upload.offset)
    return grown


def _require_length(body: Body, received: int) -> None:
    if body.length is not None and received != body.length:
        raise SizeInvalid(body.length, received)


def _reason(interrupted: storage.AppendInterrupted) -> BaseException:
    """What the body raised in the middle of an append."""
    return interrupted.__cause__ or interrupted


async def _save(services: Services, upload: Upload, state: UploadState) -> Upload:
    moment = now()
    saved = replace(
        upload,
        offset=state.offset,
        hash_state=sealed_hash_state(services, state),
        backend_state=state.backend_state,
        tail=state.tail,
        version=upload.version + 1,
        updated_at=moment,
        expires_at=_expiry(services, moment),
    )
    # Nobody was promised more: after a power failure the session stands where it stood before.
    if not await services.database.note(_update, saved):
        raise await _overtaken(services, upload)
    return saved


async def _overtaken(services: Services, upload: Upload) -> UploadConflict | UploadUnknown:
    """What to tell the request that holds the session's bytes, and finds that its row is not the one it read."""
    if await services.database.lookups.upload(upload.id) is not None:
        return UploadConflict(upload.id)
    # Cancelled, or deleted with its repository, which asks for no hold: what was written since is nobody's.
    await services.store.abort(stored_state(upload))
    return UploadUnknown(upload.id)


async def _discard(services: Services, upload: Upload) -> None:
    await services.database.reclaim(_delete, upload)
    await services.store.abort(stored_state(upload))


def _expiry(services: Services, moment: datetime) -> datetime:
    return moment + timedelta(seconds=services.settings.upload_expire_s)


def _create(tx: Transaction, upload: Upload) -> None:
    tx.uploads.create(upload)


def _update(tx: Transaction, saved: Upload) -> bool:
    progress = UploadProgress(saved.algorithm, saved.offset, saved.hash_state, saved.backend_state, saved.tail)
    version = saved.version - 1
    return tx.uploads.save(saved.id, version, progress, now=saved.updated_at, expires_at=saved.expires_at)


def _delete(tx: Transaction, upload: Upload) -> bool:
    return tx.uploads.delete(upload.id, None)
