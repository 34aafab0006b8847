"""A blob store whose every action is timed for the metrics."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import datetime

from oci_spec.digest import Digest
from registry.observability.metrics import Metrics
from storage_backends.contract import BlobReader, BlobStore, StoredObject, UploadSession, UploadState
from storage_backends.filling import FillingChunks


class MeasuredStore(BlobStore):
    """Does what `store` does, and counts in `metrics` how long it took, as an action of `driver`.

    What a transfer waits for its client is no time of the store's.
    """

    def __init__(self, store: BlobStore, driver: str, metrics: Metrics) -> None:
        self._store = store
        self._driver = driver
        self._metrics = metrics

    async def begin(self, algorithm: str) -> UploadState:
        return await self._store.begin(algorithm)

    def session(self, key: str) -> AbstractAsyncContextManager[UploadSession]:
        return self._measured_session(key)

    async def abort(self, state: UploadState) -> None:
        with self._timed("delete"):
            await self._store.abort(state)

    async def open(self, key: str) -> BlobReader:
        with self._timed("open"):
            return await self._store.open(key)

    def read_cached(self, key: str, size: int) -> bytes | None:
        return self._store.read_cached(key, size)

    async def redirect(self, key: str) -> str | None:
        with self._timed("redirect"):
            return await self._store.redirect(key)

    async def stat(self, key: str) -> int:
        with self._timed("stat"):
            return await self._store.stat(key)

    async def delete(self, key: str) -> None:
        with self._timed("delete"):
            await self._store.delete(key)

    def list_keys(self) -> AsyncIterator[StoredObject]:
        return self._store.list_keys()

    def upload_of(self, key: str) -> str:
        return self._store.upload_of(key)

    def digest_of(self, key: str) -> Digest | None:
        return self._store.digest_of(key)

    def size_of(self, key: str) -> int | None:
        return self._store.size_of(key)

    def list_uploads(self) -> AsyncIterator[tuple[str, datetime]]:
        return self._store.list_uploads()

    async def put_object(self, name: str, content: bytes) -> None:
        with self._timed("put_object"):
            await self._store.put_object(name, content)

    async def put_objects(self, objects: Mapping[str, bytes]) -> None:
        with self._timed("put_object"):
            await self._store.put_objects(objects)

    async def get_object(self, name: str) -> bytes:
        with self._timed("get_object"):
            return await self._store.get_object(name)

    async def delete_object(self, name: str) -> None:
        with self._timed("delete_object"):
            await self._store.delete_object(name)

    def list_objects(self, prefix: str) -> AsyncIterator[str]:
        return self._store.list_objects(prefix)

    async def probe(self) -> None:
        with self._timed("probe"):
            await self._store.probe()

    async def close(self) -> None:
        await self._store.close()

    @asynccontextmanager
    async def _measured_session(self, key: str) -> AsyncIterator[UploadSession]:
        async with self._store.session(key) as session:
            self._metrics.uploads_in_flight.inc()
            try:
                yield _MeasuredSession(session, self)
            finally:
                self._metrics.uploads_in_flight.dec()

    def observe(self, action: str, duration_s: float) -> None:
        """Note that an action took `duration_s` seconds."""
        self._metrics.storage_duration.observe(duration_s, self._driver, action)

    @contextmanager
    def _timed(self, action: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.observe(action, time.perf_counter() - began)


class _MeasuredSession(UploadSession):
    def __init__(self, session: UploadSession, store: MeasuredStore) -> None:
        self._session = session
        self._store = store

    async def append(self, state: UploadState, chunks: AsyncIterator[bytes], *, to_commit: bool = False) -> UploadState:
        awaited = _Awaited(chunks)
        began = time.perf_counter()
        try:
            return await self._session.append(state, awaited, to_commit=to_commit)
        finally:
            self._store.observe("append", time.perf_counter() - began - awaited.waited_s)

    async def commit(self, state: UploadState, digest: Digest) -> StoredObject:
        began = time.perf_counter()
        try:
            return await self._session.commit(state, digest)
        finally:
            self._store.observe("commit", time.perf_counter() - began)


class _Awaited(FillingChunks):
    """Chunks, and how many seconds were spent waiting for them."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self.waited_s = 0.0

    async def __anext__(self) -> bytes:
        with self._waiting():
            return await anext(self._chunks)

    def can_fill(self) -> bool:
        return isinstance(self._chunks, FillingChunks) and self._chunks.can_fill()

    async def ready(self) -> bool:
        assert isinstance(self._chunks, FillingChunks), "it can fill"
        with self._waiting():
            return await self._chunks.ready()

    @property
    def ended(self) -> bool:
        assert isinstance(self._chunks, FillingChunks), "it can fill"
        return self._chunks.ended

    def fill(self, buffer: memoryview) -> int:
        assert isinstance(self._chunks, FillingChunks), "it can fill"
        return self._chunks.fill(buffer)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.waited_s += time.perf_counter() - began
