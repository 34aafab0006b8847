"""The one contract of all places where bytes live: blobs under random keys, upload sessions, small index objects.

A blob gets its key when its upload begins and keeps its bytes for ever: nothing stored is overwritten, and two keys may
hold the same content. Which digest is found under which key is the caller's to remember.

An upload's `UploadState` is the caller's to remember too, and the only thing that a session needs: the next session may
be another request's, on another node, after a restart. The caller keeps hash states where clients cannot forge them.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

from oci_spec.digest import Digest


@dataclass(frozen=True, slots=True)
class UploadState:
    """How far an upload has come: `offset` bytes are stored, and what is needed to go on from there.

    `algorithm` is the one that `hash_state` runs; an empty `hash_state` beyond offset 0 costs one read of all bytes at
    the commit. `backend_state` and `tail` (bytes counted in `offset` that the backend has not stored yet) are opaque.
    """

    key: str
    algorithm: str
    offset: int
    hash_state: bytes
    backend_state: bytes
    tail: bytes


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A committed blob: its key and its size in bytes."""

    key: str
    size: int


class BlobReader(ABC):
    """One blob, open for reading; it stays readable when the blob is deleted meanwhile.

    Whoever opened it closes it: `async with await store.open(key) as reader`.
    """

    @property
    @abstractmethod
    def size(self) -> int:
        """The blob's size in bytes."""

    @abstractmethod
    def fileno(self) -> int | None:
        """A descriptor of a regular file for `os.sendfile` with an explicit offset; None where there is no file.

        It is valid until `close`, which must wait for whatever still uses it.
        """

    @abstractmethod
    def chunks(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to but not including `stop`, in blocks of up to 1 MiB.

        One iteration at a time: two would share one position.

        Raises:
            ValueError: not 0 <= start <= stop <= size.
            StorageUnavailable: the bytes cannot be read, or there are fewer than when the blob was opened.
        """

    async def send(self, start: int, stop: int, target: int) -> AsyncGenerator[int, None]:
        """Put the bytes that `chunks` would give into `target`, a socket's descriptor that does not block.

        Each item is how many bytes went there just now; 0 says that it takes no more, and the next item is not to be
        asked for before it does. Nothing uses `target` between items, nor once a cancellation has been raised.

        Raises:
            ConnectionError: whoever is behind `target` is gone.
            ValueError, StorageUnavailable: as `chunks` does.
        """
        async for chunk in self.chunks(start, stop):
            with memoryview(chunk) as rest:
                position = 0
                while position < len(rest):
                    try:
                        count = os.write(target, rest[position:])
                    except BlockingIOError:
                        count = 0
                    position += count
                    yield count

    @abstractmethod
    async def close(self) -> None:
        """Give back what the reader holds; may be repeated."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


class UploadSession(ABC):
    """The exclusive right to change one upload; made by `BlobStore.session`, used by one task."""

    @abstractmethod
    async def append(self, state: UploadState, chunks: AsyncIterator[bytes], *, to_commit: bool = False) -> UploadState:
        """Store `chunks` after the bytes that `state` vouches for; the state that vouches for all of them.

        Where they are `FillingChunks` and it suits the store, it lets them fill buffers of its own instead.

        Bytes that were stored after `state.offset` were never acknowledged: they are dropped. When this returns, the
        bytes are on the disk; only those that are there `to_commit`, at once and in this session, may come to be there
        by the commit, and nobody may be told of their state before. Memory stays within a few MiB, however many bytes
        come, if no chunk is larger. When no byte comes, the store is not asked: a commit that may have happened can be
        repeated after it. When bytes come after a commit that nobody recorded, since its process died, the upload goes
        on from `state`; the blob that was made of it is left as it is.

        Raises:
            UploadLost: fewer bytes are stored than `state` says.
            ValueError: `state` is another upload's.
            AppendInterrupted: `chunks` raised an Exception; the error's state vouches for what came before.
            StorageFull, StorageReadOnly, StorageUnavailable: nothing was added; `state` is still true.
        """

    @abstractmethod
    async def commit(self, state: UploadState, digest: Digest) -> StoredObject:
        """Make the upload's bytes the durable blob whose content is `digest`.

        May be repeated with the same arguments, also after a crash: the answer is the same. The session stays held
        until its context ends, so that the caller can record the key before anybody else sees the upload.

        Raises:
            ValueError: `state` is another upload's.
            DigestMismatch: the content is another; the upload is as it was, or lost where only its end could tell.
            UploadLost: fewer bytes are stored than `state` says.
            StorageFull, StorageReadOnly, StorageUnavailable: the upload is as it was.
        """


class BlobStore(ABC):
    """Where bytes live. Every method may be called from many tasks at once.

    Errors are those of `storage_backends.errors`. When the storage fails, every method raises StorageUnavailable, and
    those that write also StorageFull and StorageReadOnly; ObjectNameInvalid tells of a malformed key or name.
    """

    @abstractmethod
    async def begin(self, algorithm: str) -> UploadState:
        """The state of a new upload, empty, under a key of its own; its running hash will be `algorithm`.

        Raises:
            DigestUnsupported: the algorithm is not in `oci_spec.digest.ALGORITHMS`.
        """

    @abstractmethod
    def session(self, key: str) -> AbstractAsyncContextManager[UploadSession]:
        """Hold the upload `key` against all other sessions, those of other processes and nodes included.

        A caller that keeps states in rows reads the row again inside: another session may have moved it on meanwhile.

        Raises:
            UploadBusy: at once, when it is held elsewhere.
        """

    @abstractmethod
    async def abort(self, state: UploadState) -> None:
        """Drop the upload's bytes. May be repeated; leaves alone what was committed."""

    @abstractmethod
    async def open(self, key: str) -> BlobReader:
        """The blob under `key`, ready to read.

        Raises:
            BlobNotFound: nothing is committed under this key.
        """

    def read_cached(self, key: str, size: int) -> bytes | None:
        """The whole blob of `size` bytes if it is small and can be had within microseconds, else None: then `open` it.

        None is no statement about whether the blob exists.
        """
        return None

    async def redirect(self, key: str) -> str | None:
        """A URL under which whoever has it can read the blob for some minutes, also in part; None where there is none.

        Whether the blob exists is not looked at.
        """
        return None

    @abstractmethod
    async def stat(self, key: str) -> int:
        """The size in bytes of the blob under `key`.

        Raises:
            BlobNotFound: nothing is committed under this key.
        """

    @abstractmethod
    async def delete(self, key: str) -> None:
        """Remove the blob under `key`, if there is one; a power failure may bring it back."""

    @abstractmethod
    def list_keys(self) -> AsyncIterator[StoredObject]:
        """All committed blobs, in no order; what is committed or deleted meanwhile may be missing or not."""

    @abstractmethod
    def upload_of(self, key: str) -> str:
        """The key of the upload that was committed as the blob `key`, whether that is still there or not.

        Whoever holds that upload knows that no other session is about to record the blob.
        """

    def digest_of(self, key: str) -> Digest | None:
        """The digest that the blob `key` was committed as; None where keys do not tell.

        It says nothing about the bytes that are there now.
        """
        return None

    def size_of(self, key: str) -> int | None:
        """How many bytes the blob `key` was committed with; None where keys do not tell."""
        return None

    @abstractmethod
    def list_uploads(self) -> AsyncIterator[tuple[str, datetime]]:
        """All uploads that have bytes and are not committed: the key, and when it was last written to."""

    @abstractmethod
    async def put_object(self, name: str, content: bytes) -> None:
        """Keep a small index object under `name`, in place of what was there; durable when this returns.

        A reader sees the old content or the new one, whole. A name is one or more components joined by `/`, each of
        at most 255 letters, digits, `.`, `_` and `-`, none beginning with a dot; 1,024 characters in all. No name may
        continue another one with `/`.
        """

    async def put_objects(self, objects: Mapping[str, bytes]) -> None:
        """Do `put_object` for each name in `objects`, at less cost; when that fails, some may have been put."""
        for name, content in objects.items():
            await self.put_object(name, content)

    @abstractmethod
    async def get_object(self, name: str) -> bytes:
        """The content that was last put under `name`.

        Raises:
            ObjectNotFound: there is none.
        """

    @abstractmethod
    async def delete_object(self, name: str) -> None:
        """Remove the index object `name`, if there is one; durable when this returns."""

    @abstractmethod
    def list_objects(self, prefix: str) -> AsyncIterator[str]:
        """The names that begin with `prefix`, in no order; the prefix is empty or ends with `/`.

        Objects may be put and deleted meanwhile, also those just listed.
        """

    async def clock(self) -> datetime | None:
        """What time it is where the bytes are, or was two seconds ago at most; None where that is this machine's."""
        return None

    @abstractmethod
    async def probe(self) -> None:
        """Write, read and remove a few bytes: returns if the store can serve, else raises what is wrong."""

    @abstractmethod
    async def close(self) -> None:
        """End the store's threads and connections, after what they are doing. Sessions and readers are closed first."""
