"""The right to change one upload in S3, once it is held."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from oci_spec.digest import Digest
from storage_backends.blocks import Blocks
from storage_backends.contract import StoredObject, UploadSession, UploadState
from storage_backends.errors import AppendInterrupted, DigestMismatch
from storage_backends.filling import FillingChunks
from storage_backends.s3.bucket import Bucket
from storage_backends.s3.committing import commit
from storage_backends.s3.faults import translated
from storage_backends.s3.uploading import Upload


class S3UploadSession(UploadSession):
    """One upload, held by its maker from before the first call to after `release`."""

    def __init__(self, key: str, bucket: Bucket) -> None:
        self.is_committed = False
        self._key = key
        self._bucket = bucket
        self._upload: Upload | None = None
        self._state: UploadState | None = None
        self._has_grown = False
        self._committed: tuple[UploadState, Digest, StoredObject] | None = None

    async def append(self, state: UploadState, chunks: AsyncIterator[bytes], *, to_commit: bool = False) -> UploadState:
        upload = await self._resumed(state)
        with translated():
            if isinstance(chunks, FillingChunks) and chunks.can_fill():
                interruption = await upload.take(chunks)
            else:
                interruption = await upload.write(Blocks(chunks))
            if upload.offset == state.offset:
                grown = state
            else:
                if interruption is not None or not to_commit:
                    await upload.keep()
                grown = replace(
                    state,
                    offset=upload.offset,
                    hash_state=upload.hash_state(),
                    backend_state=upload.progress.encode(),
                )
        self._has_grown = True
        self._state = grown
        if interruption is not None:
            raise AppendInterrupted(grown) from interruption
        return grown

    async def commit(self, state: UploadState, digest: Digest) -> StoredObject:
        if self._committed is not None and self._committed[:2] == (state, digest):
            return self._committed[2]
        upload = await self._resumed(state)
        try:
            with translated():
                stored = await commit(self._bucket, upload, digest)
        except DigestMismatch:
            # What is in memory is still what it was.
            self._state = state
            raise
        self._committed = state, digest, stored
        self.is_committed = True
        return stored

    async def release(self) -> None:
        """Give back memory, and all that nobody will hear of."""
        upload, self._upload = self._upload, None
        if upload is not None:
            await upload.drop()

    async def _resumed(self, state: UploadState) -> Upload:
        """The upload as `state` knows it: the one at hand if it stands there, else from the beginning."""
        if state.key != self._key:
            raise ValueError(f"the session holds {self._key}, not {state.key}")
        if self._upload is None or state != self._state:
            await self.release()
            self._upload = Upload(state, self._bucket, recorded=not self._has_grown)
        # Nothing is known of it while it is being changed, nor after that has failed.
        self._state = None
        return self._upload
