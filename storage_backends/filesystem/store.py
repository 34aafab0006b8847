"""Bytes in files of one filesystem: `FilesystemBlobStore`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from oci_spec.digest import ALGORITHMS, Digest
from oci_spec.errors import DigestUnsupported
from storage_backends.blocks import Blocks
from storage_backends.contract import BlobReader, BlobStore, StoredObject, UploadSession, UploadState
from storage_backends.errors import (
    AppendInterrupted,
    BlobNotFound,
    DigestMismatch,
    ObjectNameInvalid,
    ObjectNotFound,
)
from storage_backends.filesystem._blocking import folders, reading, uploads, writing
from storage_backends.filesystem._blocking.objects import ObjectWrite, put, remove
from storage_backends.filesystem.faults import translated
from storage_backends.filesystem.files import open_reader, read_file
from storage_backends.filesystem.layout import (
    Layout,
    blob_key,
    blob_prefixes,
    committed_digest,
    committed_size,
    is_blob_key,
    new_upload_key,
    upload_key,
)
from storage_backends.filling import FillingChunks
from storage_backends.hash_state import running_hash
from storage_backends.threads import BlockingPool, ended, settled

_CACHED_SIZE = 64 << 10
# Of a whole blob that is read again, what is read in one hop: uploads beside it get their turn in between.
_REREAD_SIZE = 32 << 20


class FilesystemBlobStore(BlobStore):
    """A store in the folder `root`, which other processes may use at the same time; all of it is one filesystem.

    Its work is done by at most `pool_size` threads of its own, and its reading by as many others: on a disk that takes
    no writes for a while, those who wait to write hold up nobody who reads. To make one blocks for a moment: folders
    that are missing are made, and what processes that died left half written is removed.

    Raises:
        StorageFull, StorageReadOnly, StorageUnavailable: the folders cannot be made.
    """

    def __init__(self, root: Path, pool_size: int) -> None:
        self._layout = Layout(root)
        self._blobs = f"{self._layout.blobs}/"
        with translated():
            folders.prepare(self._layout)
        self._folders = folders.DurableFolders()
        self._pool = BlockingPool(pool_size, "blob-store")
        self._reading = BlockingPool(pool_size, "blob-store-reading")
        # Receiving is work for processors: more of it at once takes longer in all, and who waits for a disk, or comes
        # for something short, still finds a thread.
        self._turns = asyncio.Semaphore(max(1, pool_size // 2))

    async def begin(self, algorithm: str) -> UploadState:
        if algorithm not in ALGORITHMS:
            raise DigestUnsupported(f"{algorithm}:", algorithm)
        return UploadState(new_upload_key(), algorithm, offset=0, hash_state=b"", backend_state=b"", tail=b"")

    @asynccontextmanager
    async def session(self, key: str) -> AsyncIterator[UploadSession]:
        session = FilesystemUploadSession(key, self._layout, self._folders, pool=self._pool, turns=self._turns)
        try:
            await session.hold()
            yield session
        finally:
            await session.release()

    async def abort(self, state: UploadState) -> None:
        path = self._layout.upload(state.key)
        with translated():
            await self._pool.run(path.unlink, missing_ok=True)

    async def open(self, key: str) -> BlobReader:
        path = self._layout.blob(key)
        with translated(absent=BlobNotFound(key)):
            return await open_reader(path, self._reading)

    def read_cached(self, key: str, size: int) -> bytes | None:
        if not is_blob_key(key):
            raise ObjectNameInvalid(key)
        if size > _CACHED_SIZE:
            return None
        # On the event loop by intent: 5 µs for what is in the page cache, where a hop to a thread costs ten times that.
        return reading.read_cached(self._blobs + key, size)

    async def stat(self, key: str) -> int:
        path = self._layout.blob(key)
        with translated(absent=BlobNotFound(key)):
            return (await self._reading.run(path.stat, follow_symlinks=False)).st_size

    async def delete(self, key: str) -> None:
        path = self._layout.blob(key)
        with translated():
            await self._pool.run(path.unlink, missing_ok=True)

    async def list_keys(self) -> AsyncIterator[StoredObject]:
        for prefix in blob_prefixes():
            with translated():
                blobs = await self._reading.run(folders.list_blobs, self._layout.blobs, prefix)
            for blob in blobs:
                yield blob

    def upload_of(self, key: str) -> str:
        if not is_blob_key(key):
            raise ObjectNameInvalid(key)
        return upload_key(key)

    def digest_of(self, key: str) -> Digest:
        if not is_blob_key(key):
            raise ObjectNameInvalid(key)
        return committed_digest(key)

    def size_of(self, key: str) -> int | None:
        if not is_blob_key(key):
            raise ObjectNameInvalid(key)
        return committed_size(key)

    async def list_uploads(self) -> AsyncIterator[tuple[str, datetime]]:
        with translated():
            found = await self._reading.run(folders.list_uploads, self._layout.uploads)
        for upload in found:
            yield upload

    async def put_object(self, name: str, content: bytes) -> None:
        await self.put_objects({name: content})

    async def put_objects(self, objects: Mapping[str, bytes]) -> None:
        layout = self._layout
        writes = [
            ObjectWrite(name, layout.object(name), layout.temporary(), content) for name, content in objects.items()
        ]
        with translated():
            await self._pool.run(put, writes)

    async def get_object(self, name: str) -> bytes:
        path = self._layout.object(name)
        with translated(absent=ObjectNotFound(name)):
            return await read_file(path, self._reading)

    async def delete_object(self, name: str) -> None:
        path = self._layout.object(name)
        with translated():
            await self._pool.run(remove, path, self._layout.index)

    async def list_objects(self, prefix: str) -> AsyncIterator[str]:
        self._layout.objects_below(prefix)
        unread = [prefix]
        while unread:
            prefix = unread.pop()
            with translated():
                names, inner = await self._reading.run(folders.list_folder, self._layout.objects_below(prefix))
            unread += [f"{prefix}{name}/" for name in inner]
            for name in names:
                yield prefix + name

    async def probe(self) -> None:
        with translated():
            await self._pool.run(writing.probe, self._layout.temporary())

    async def close(self) -> None:
        await self._pool.close()
        await self._reading.close()


class FilesystemUploadSession(UploadSession):
    """A hold on one upload, and its file from the first need of it until the hold ends."""

    def __init__(
        self,
        key: str,
        layout: Layout,
        blob_folders: folders.DurableFolders,
        *,
        pool: BlockingPool,
        turns: asyncio.Semaphore,
    ) -> None:
        self._key = key
        self._path = layout.upload(key)
        self._layout = layout
        self._folders = blob_folders
        self._pool = pool
        self._turns = turns
        self._lock = uploads.UploadLock(layout.held, key)
        self._file: uploads.UploadFile | None = None
        self._state: UploadState | None = None

    async def hold(self) -> None:
        """Take the hold, or raise UploadBusy; `release` follows either way."""
        with translated():
            # On the event loop by intent: 10 µs in the kernel's memory, where a hop to a thread costs ten times that.
            self._lock.acquire()

    async def release(self) -> None:
        """Close the file and give the hold back."""
        try:
            if self._file is not None and self._file.is_open:
                with translated():
                    await self._pool.run(self._file.close)
        finally:
            self._lock.release()

    async def append(self, state: UploadState, chunks: AsyncIterator[bytes], *, to_commit: bool = False) -> UploadState:
        begin, file = state.offset, await self._resumed(state)
        with translated():
            if isinstance(chunks, FillingChunks) and chunks.can_fill():
                interruption = await self._take(file, chunks, to_commit=to_commit)
            else:
                interruption = await self._write(file, Blocks(chunks))
            # Without any byte the file is left alone: its upload may have been committed before a crash.
            if file.offset > begin and not file.is_on_disk and (interruption is not None or not to_commit):
                await self._pool.run(file.sync)
        grown = replace(state, offset=file.offset, hash_state=file.hash_state(), backend_state=file.backend_state)
        self._state = grown
        if interruption is not None:
            raise AppendInterrupted(grown) from interruption
        return grown

    async def commit(self, state: UploadState, digest: Digest) -> StoredObject:
        file = await self._resumed(state)
        key = blob_key(digest, state.offset, self._key)
        blob = self._layout.blob(key)
        actual = file.digest(digest.algorithm)
        with translated():
            if actual is None and not await self._pool.run(reading.is_committed, blob, state.offset):
                actual = await self._reread(file, digest.algorithm)
            if actual is not None and actual != digest:
                raise DigestMismatch(digest, actual)
            await self._pool.run(file.publish, blob, self._folders)
        return StoredObject(key, state.offset)

    async def _resumed(self, state: UploadState) -> uploads.UploadFile:
        """The file as `state` knows it: the open one if it stands there, else from the beginning."""
        if state.key != self._key:
            raise ValueError(f"the session holds {self._key}, not {state.key}")
        if self._file is None or state != self._state:
            if self._file is not None:
                await self._pool.run(self._file.close)
            self._file = uploads.UploadFile(self._path, self._layout, state)
        # Nothing is known of the file while it is being changed, nor after that has failed.
        self._state = None
        return self._file

    async def _take(self, file: uploads.UploadFile, chunks: FillingChunks, *, to_commit: bool) -> Exception | None:
        """Write all that threads are given, hashing it on the way; what `chunks` raised in place of ending.

        Nobody waits in a thread for the network: between two turns of a thread it is the event loop that waits.
        """
        try:
            while await _is_ready(chunks):
                async with self._turns:
                    await self._pool.run(file.take, chunks, to_commit=to_commit)
        except _Interrupted as interrupted:
            return interrupted.cause
        return None

    async def _write(self, file: uploads.UploadFile, blocks: Blocks) -> Exception | None:
        """Write all blocks; what came in place of their end.

        Each is taken from the network while a thread hashes and writes the one before.
        """
        writing: asyncio.Future[None] | None = None
        try:
            while True:
                block = await blocks.take()
                if writing is not None:
                    await settled(writing)
                if blocks.ended:
                    break
                writing = self._pool.start(file.write, block)
            if block:
                await self._pool.run(file.write, block)
        finally:
            if writing is not None:
                await ended(writing)
        return blocks.interruption

    async def _reread(self, file: uploads.UploadFile, algorithm: str) -> Digest:
        running, stop = running_hash(algorithm), file.offset
        while running.size < stop:
            await self._pool.run(file.hash_range, running, min(stop, running.size + _REREAD_SIZE))
        return running.digest()


class _Interrupted(Exception):
    """Chunks ended with an exception, `cause`."""

    def __init__(self, cause: Exception) -> None:
        self.cause = cause


async def _is_ready(chunks: FillingChunks) -> bool:
    try:
        return await chunks.ready()
    except Exception as error:
        raise _Interrupted(error) from error
