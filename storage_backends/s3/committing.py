"""An upload's last step: all its bytes become one blob, under the key they have had from the beginning."""

from __future__ import annotations

import asyncio
import hashlib

from botocore.exceptions import ClientError

from oci_spec.digest import Digest
from storage_backends.contract import StoredObject
from storage_backends.errors import BlobNotFound, DigestMismatch, UploadLost
from storage_backends.hash_state import running_hash
from storage_backends.s3.bucket import Bucket
from storage_backends.s3.faults import is_part_invalid, translated
from storage_backends.s3.layout import blob_key, digest_suffix
from storage_backends.s3.reading import open_reader
from storage_backends.s3.uploading import Upload


async def commit(bucket: Bucket, upload: Upload, digest: Digest) -> StoredObject:
    """Make the blob, or find that it was made before; see `UploadSession.commit`."""
    actual = upload.digest(digest.algorithm)
    if actual is not None and actual != digest:
        raise DigestMismatch(digest, actual)
    key = await _made_before(bucket, upload, digest)
    if key is not None:
        await upload.abandon()
    elif upload.has_parts:
        key = await _complete(bucket, upload, digest, verified=actual is not None)
    else:
        key = await _put(bucket, upload, digest, verified=actual is not None)
    await upload.end()
    return StoredObject(key, upload.offset)


async def _made_before(bucket: Bucket, upload: Upload, digest: Digest) -> str | None:
    """The key of the blob that another process made of the same bytes before it died, if it is the one wanted."""
    if upload.progress.made is None:
        return None
    key = blob_key(upload.key, upload.progress.made)
    try:
        is_same = await _has_size(bucket, key, upload.offset) and await _read(bucket, key, digest.algorithm) == digest
    except BlobNotFound:
        return None
    return key if is_same else None


async def _put(bucket: Bucket, upload: Upload, digest: Digest, *, verified: bool) -> str:
    """Put what is in memory, or in the tail, as one object. To do so again makes the same one."""
    key = blob_key(upload.key, digest_suffix(digest))
    try:
        await upload.load()
    except UploadLost:
        if await _has_size(bucket, key, upload.offset):
            return key
        raise
    content = upload.remainder
    if not verified:
        actual = await asyncio.to_thread(_digest, content, digest.algorithm)
        if actual != digest:
            raise DigestMismatch(digest, actual)
    with translated():
        await bucket.requests.run(bucket.objects.put, bucket.layout.blob(key), content)
    return key


async def _complete(bucket: Bucket, upload: Upload, digest: Digest, *, verified: bool) -> str:
    """Complete the multipart upload.

    Servers differ in what they say to a second completion, also of one whose answer was lost: one that is gone may be
    done. The object tells, by its size: nothing but these parts ever got its name.
    """
    suffix, upload_id = upload.progress.suffix, upload.progress.upload_id
    assert suffix is not None, "a multipart upload has begun"
    assert upload_id is not None, "a multipart upload has begun"
    key = blob_key(upload.key, suffix)
    name = bucket.layout.blob(key)
    is_new = False
    try:
        await upload.load()
        if upload.remainder:
            await upload.send()
        await upload.settle()
        is_new = await _completed(bucket, name, upload_id, upload)
    except UploadLost:
        if not await _has_size(bucket, key, upload.offset):
            raise
    if not verified:
        await _verify(bucket, key, digest, is_new=is_new)
    return key


async def _completed(bucket: Bucket, name: str, upload_id: str, upload: Upload) -> bool:
    try:
        with translated(absent=UploadLost(upload.key)):
            await bucket.requests.run(bucket.multiparts.complete, name, upload_id, upload.progress.parts)
    except Exception as error:
        cause = error.__cause__
        if isinstance(cause, ClientError) and is_part_invalid(cause):
            # Another request has put other bytes in a part's place: this one held the upload no longer.
            raise UploadLost(upload.key) from error
        raise
    return True


async def _verify(bucket: Bucket, key: str, digest: Digest, *, is_new: bool) -> None:
    """Read the blob to know its digest: parts cannot be read before they are one."""
    actual = await _read(bucket, key, digest.algorithm)
    if actual == digest:
        return
    if is_new:
        with translated():
            await bucket.requests.run(bucket.objects.delete, bucket.layout.blob(key))
    raise DigestMismatch(digest, actual)


async def _has_size(bucket: Bucket, key: str, size: int) -> bool:
    try:
        with translated(absent=BlobNotFound(key)):
            return await bucket.requests.run(bucket.objects.size, bucket.layout.blob(key)) == size
    except BlobNotFound:
        return False


async def _read(bucket: Bucket, key: str, algorithm: str) -> Digest:
    running = running_hash(algorithm)
    async with await open_reader(bucket.objects, bucket.requests, key, bucket.layout.blob(key)) as reader:
        async for block in reader.chunks(0, reader.size):
            await bucket.receiving.run(running.update, block)
    return running.digest()


def _digest(content: bytes | bytearray, algorithm: str) -> Digest:
    return Digest.from_raw(algorithm, hashlib.new(algorithm, content).digest())
