"""Bytes in a bucket of S3, or of a server that speaks like it: `S3BlobStore`."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from oci_spec.digest import ALGORITHMS
from oci_spec.errors import DigestUnsupported
from storage_backends.contract import BlobReader, BlobStore, StoredObject, UploadSession, UploadState
from storage_backends.errors import BlobNotFound, ObjectNotFound
from storage_backends.holding import UploadHolds
from storage_backends.s3._blocking.client import open_client
from storage_backends.s3._blocking.multiparts import Multiparts, Pending
from storage_backends.s3._blocking.objects import Listed, Objects
from storage_backends.s3._blocking.pipes import Pipes
from storage_backends.s3.bucket import Bucket
from storage_backends.s3.budget import ByteBudget
from storage_backends.s3.faults import translated
from storage_backends.s3.layout import Layout, blob_key, checked_upload_key, new_upload_key, upload_key
from storage_backends.s3.memory import return_large_blocks
from storage_backends.s3.part_sizes import SMALLEST_PART, PartSizes
from storage_backends.s3.progress import Progress
from storage_backends.s3.reading import open_reader
from storage_backends.s3.redirecting import Redirects
from storage_backends.s3.sessions import S3UploadSession
from storage_backends.s3.settings import S3Settings
from storage_backends.threads import BlockingPool

_RECEIVING_THREADS = 4
_COMMITTED_KEPT = 1024
# Each takes up to a megabyte of the kernel's memory, and two descriptors. Blobs beyond these go through this process.
_MOST_PIPES = 64


class S3BlobStore(BlobStore):
    """A store in a bucket below a prefix, which other processes and nodes may use at the same time.

    S3 has no locks: `holds` tells all of them who may write to which upload. To make a store takes a while, and asks
    nothing of S3.
    """

    def __init__(self, settings: S3Settings, holds: UploadHolds) -> None:
        return_large_blocks()
        self._client = open_client(settings)
        self._holds = holds
        self._objects = Objects(self._client, settings)
        self._multiparts = Multiparts(self._client, settings)
        self._layout = Layout(settings.prefix)
        self._requests = BlockingPool(settings.concurrency, "s3-requests")
        # Those who read find a thread while uploads wait for a server that takes no writes.
        self._reading = BlockingPool(settings.concurrency, "s3-reading")
        self._pipes = Pipes(_MOST_PIPES)
        self._receiving = BlockingPool(_RECEIVING_THREADS, "s3-receiving")
        first = max(settings.part_bytes, SMALLEST_PART)
        largest = max(first, settings.buffer_bytes // 2)
        self._bucket = Bucket(
            layout=self._layout,
            objects=self._objects,
            multiparts=self._multiparts,
            sizes=PartSizes(first, largest),
            budget=ByteBudget(max(settings.buffer_bytes, largest), settings.patience_s),
            requests=self._requests,
            receiving=self._receiving,
            turns=asyncio.Semaphore(_RECEIVING_THREADS // 2),
        )
        self._redirects: Redirects | None = None
        if settings.redirect_lifetime_s is not None:
            self._redirects = Redirects(
                self._objects, self._reading, settings.redirect_lifetime_s, base_url=settings.cdn_url
            )
        self._committed: OrderedDict[str, None] = OrderedDict()

    async def begin(self, algorithm: str) -> UploadState:
        if algorithm not in ALGORITHMS:
            raise DigestUnsupported(f"{algorithm}:", algorithm)
        return UploadState(new_upload_key(), algorithm, offset=0, hash_state=b"", backend_state=b"", tail=b"")

    @asynccontextmanager
    async def session(self, key: str) -> AsyncIterator[UploadSession]:
        async with self._holds.hold(checked_upload_key(key)):
            session = S3UploadSession(key, self._bucket)
            try:
                yield session
            finally:
                await session.release()
                if session.is_committed:
                    self._remember(key)

    async def abort(self, state: UploadState) -> None:
        checked_upload_key(state.key)
        if state.key in self._committed:
            # Whoever takes a blob in one request aborts its upload in any case. What a commit leaves is found by its
            # absence, which takes two listings.
            return
        with translated():
            await self._requests.run(self._drop, state)

    async def open(self, key: str) -> BlobReader:
        return await open_reader(self._objects, self._reading, key, self._layout.blob(key), pipes=self._pipes)

    def read_cached(self, key: str, size: int) -> bytes | None:
        self._layout.blob(key)
        return None

    async def redirect(self, key: str) -> str | None:
        name = self._layout.blob(key)
        return None if self._redirects is None else await self._redirects.url(name)

    async def stat(self, key: str) -> int:
        name = self._layout.blob(key)
        with translated(absent=BlobNotFound(key)):
            return await self._reading.run(self._objects.size, name)

    async def delete(self, key: str) -> None:
        name = self._layout.blob(key)
        with translated():
            await self._requests.run(self._objects.delete, name)

    async def list_keys(self) -> AsyncIterator[StoredObject]:
        async for listed in self._list(self._layout.blobs):
            key = self._layout.blob_key(listed.name)
            if key is not None:
                yield StoredObject(key, listed.size)

    def upload_of(self, key: str) -> str:
        return upload_key(key)

    async def list_uploads(self) -> AsyncIterator[tuple[str, datetime]]:
        touched: dict[str, datetime] = {}
        with translated():
            pending = await self._reading.run(
                lambda: list(self._multiparts.pending(self._layout.blobs, at=datetime.now(UTC)))
            )
        for upload in pending:
            key = self._layout.blob_key(upload.name)
            if key is not None:
                _note(touched, upload_key(key), upload.touched_at)
        async for tail in self._list(self._layout.uploads):
            owner = self._layout.upload_key(tail.name)
            if owner is not None:
                _note(touched, owner, tail.modified_at)
        for upload_of, moment in touched.items():
            yield upload_of, moment

    async def put_object(self, name: str, content: bytes) -> None:
        await self.put_objects({name: content})

    async def put_objects(self, objects: Mapping[str, bytes]) -> None:
        named = {self._layout.object(name): content for name, content in objects.items()}
        with translated():
            await asyncio.gather(
                *(self._requests.run(self._objects.put, name, content) for name, content in named.items())
            )

    async def get_object(self, name: str) -> bytes:
        with translated(absent=ObjectNotFound(name)):
            return await self._reading.run(self._objects.get, self._layout.object(name))

    async def delete_object(self, name: str) -> None:
        with translated():
            await self._requests.run(self._objects.delete, self._layout.object(name))

    async def list_objects(self, prefix: str) -> AsyncIterator[str]:
        async for listed in self._list(self._layout.objects_below(prefix)):
            yield listed.name.removeprefix(self._layout.index)

    async def clock(self) -> datetime | None:
        with translated():
            return await self._reading.run(self._objects.clock, self._layout.probes)

    async def probe(self) -> None:
        name, content = self._layout.probes + secrets.token_hex(16), secrets.token_bytes(16)
        with translated():
            await self._requests.run(self._objects.put, name, content)
            read = await self._requests.run(self._objects.get, name)
            await self._requests.run(self._objects.delete, name)
            if read != content:
                raise OSError("what was written is not what is read")

    async def close(self) -> None:
        for pool in (self._receiving, self._requests, self._reading):
            await pool.close()
        self._client.close()

    async def _list(self, prefix: str) -> AsyncIterator[Listed]:
        after: str | None = None
        while True:
            with translated():
                page = await self._reading.run(self._objects.page, prefix, after)
            for listed in page.entries:
                yield listed
            if (after := page.next) is None:
                return

    def _remember(self, key: str) -> None:
        self._committed[key] = None
        if len(self._committed) > _COMMITTED_KEPT:
            self._committed.popitem(last=False)

    def _drop(self, state: UploadState) -> None:
        """Abort an upload's multipart uploads and remove its tails, in a thread.

        Where the state does not name a multipart upload there may be one all the same, of a request that ended before
        its state was recorded.
        """
        progress = _known(state)
        if progress.upload_id is not None and progress.suffix is not None:
            name = self._layout.blob(blob_key(state.key, progress.suffix))
            pending = iter([Pending(name, progress.upload_id, datetime.now(UTC))])
        else:
            pending = self._multiparts.pending(self._layout.blobs_of(state.key))
        for upload in pending:
            self._multiparts.abort(upload.name, upload.upload_id)
        tails = [tail.name for tail in self._objects.list(self._layout.tails(state.key))]
        self._objects.delete(*tails)


def preload() -> None:
    """Read the descriptions of S3 that each store needs: what a process forks afterwards need not read them again."""
    # With credentials, for else boto3 goes and looks for some.
    nobody = S3Settings("none", region="none", access_key_id="none", secret_access_key="none")  # noqa: S106
    open_client(nobody).close()


def _known(state: UploadState) -> Progress:
    try:
        return Progress.decode(state.backend_state)
    except (ValueError, TypeError):
        return Progress()


def _note(touched: dict[str, datetime], key: str, moment: datetime) -> None:
    touched[key] = max(moment, touched.get(key, moment))
