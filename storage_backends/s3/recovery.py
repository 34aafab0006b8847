"""Going on from before a commit that nobody recorded, since its process died.

The commit took the parts and the tail away, and left a blob that begins with their bytes. What goes on gets a copy of
them, which the server makes: whether the blob is recorded after all may be decided elsewhere at this moment.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass

from storage_backends.contract import UploadState
from storage_backends.errors import UploadLost
from storage_backends.hash_state import resumed_hash
from storage_backends.s3.bucket import Bucket
from storage_backends.s3.faults import translated
from storage_backends.s3.layout import blob_key, new_suffix
from storage_backends.s3.progress import Part, Progress


@dataclass(frozen=True, slots=True)
class Recovered:
    """Progress with parts of their own, and the bytes behind them; `created` is the multipart upload made for it."""

    progress: Progress
    tail: bytes
    created: tuple[str, str] | None


async def recover(bucket: Bucket, state: UploadState, progress: Progress) -> Recovered | None:
    """What `state` vouches for, found in a blob that was made of it; None where there is none."""
    with translated(absent=UploadLost(state.key)):
        blobs = await bucket.requests.run(lambda: list(bucket.objects.list(bucket.layout.blobs_of(state.key))))
        for blob in blobs:
            key = bucket.layout.blob_key(blob.name)
            if key is None or blob.size < state.offset:
                continue
            suffix = key.partition(".")[2]
            if progress.upload_id is None:
                content = await bucket.requests.run(bucket.objects.get_range, blob.name, 0, state.offset)
                if _is_of(state, content):
                    return Recovered(Progress(made=suffix), content, None)
            elif suffix == progress.suffix:
                return await _copied(bucket, state, progress, blob.name)
    return None


async def _copied(bucket: Bucket, state: UploadState, progress: Progress, source: str) -> Recovered:
    suffix = new_suffix()
    name = bucket.layout.blob(blob_key(state.key, suffix))
    upload_id = await bucket.requests.run(bucket.multiparts.create, name)
    copies: list[asyncio.Future[Part]] = []
    start = 0
    for number, part in enumerate(progress.parts, start=1):
        copy = bucket.requests.start(
            bucket.multiparts.copy, name, upload_id, number, source=source, start=start, stop=start + part.size
        )
        copies.append(copy)
        start += part.size
    parts = await asyncio.gather(*copies)
    tail = b""
    if start < state.offset:
        tail = await bucket.requests.run(bucket.objects.get_range, source, start, state.offset)
    again = Progress(suffix=suffix, upload_id=upload_id, parts=tuple(parts), made=progress.suffix)
    return Recovered(again, tail, (name, upload_id))


def _is_of(state: UploadState, content: bytes) -> bool:
    """Whether these are the bytes that the state has hashed; where that is not known, they are hashed at the commit."""
    running = resumed_hash(state.algorithm, state.offset, state.hash_state)
    return running is None or running.digest().raw == hashlib.new(state.algorithm, content).digest()
