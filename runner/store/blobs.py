"""Blobs: verified content under its digest, and what has come so far of one that is still received."""

from __future__ import annotations

import os

from oci_spec.digest import Digest
from runner.store.errors import BlobDamaged, BlobMissing
from runner.store.folders import Store, sync_directory
from runner.store.locks import claimed
from runner.suppression import Suppressed


def has(store: Store, digest: Digest) -> bool:
    """Whether the blob is there, whole."""
    return os.path.exists(store.blob(digest))


def size(store: Store, digest: Digest) -> int:
    """How many bytes the blob has.

    Raises:
        BlobMissing: it is not there.
    """
    try:
        return os.stat(store.blob(digest)).st_size
    except FileNotFoundError:
        raise BlobMissing(digest) from None


def read(store: Store, digest: Digest) -> bytes:
    """A blob that fits into memory: a manifest or a configuration, which were bounded when they came.

    Raises:
        BlobMissing: it is not there.
        BlobDamaged: the disk gives other bytes than were written.
    """
    try:
        with open(store.blob(digest), "rb") as file:
            content = file.read()
    except FileNotFoundError:
        raise BlobMissing(digest) from None
    if Digest.of(content, digest.algorithm) != digest:
        raise BlobDamaged(digest)
    return content


def keep(store: Store, content: bytes) -> Digest:
    """Keep a blob that fits into memory; its digest."""
    digest = Digest.of(content)
    keep_as(store, digest, content)
    return digest


def keep_as(store: Store, digest: Digest, content: bytes) -> None:
    """The same under a digest that has been verified."""
    while not has(store, digest):
        path = f"{store.path('partial')}/{os.urandom(12).hex()}"
        descriptor = claimed(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        # Whoever clears away what is unfinished may be quicker to lock it.
        if descriptor is not None:
            partial = Partial(store, digest, path, descriptor)
            try:
                partial.append(content)
                partial.commit()
            except BaseException:
                partial.discard()
                raise
            finally:
                partial.close()


class Partial:
    """What has come of a blob, held by this process alone until it is closed; `size` bytes so far, nothing verified."""

    def __init__(self, store: Store, digest: Digest, path: str, descriptor: int) -> None:
        self._store = store
        self._digest = digest
        self._path = path
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    def append(self, content: bytes) -> None:
        """Add bytes at the end."""
        view = memoryview(content)
        while view:
            written = os.write(self.descriptor, view)
            self.size += written
            view = view[written:]

    def restart(self) -> None:
        """Forget all that has come: it was not what it should be."""
        os.ftruncate(self.descriptor, 0)
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        self.size = 0

    def reader(self) -> int:
        """Another descriptor of the same file, for reading from its beginning; the caller closes it."""
        return os.open(f"/proc/self/fd/{self.descriptor}", os.O_RDONLY | os.O_CLOEXEC)

    def commit(self) -> None:
        """Make it the blob, which the caller has verified."""
        os.fdatasync(self.descriptor)
        target = self._store.blob(self._digest)
        os.rename(self._path, target)
        sync_directory(os.path.dirname(target))

    def discard(self) -> None:
        """Remove it, unless it has become a blob."""
        with Suppressed(FileNotFoundError):
            os.unlink(self._path)

    def close(self) -> None:
        """Let others have it."""
        os.close(self.descriptor)


def claim(store: Store, digest: Digest) -> Partial | None:
    """What has come of a blob so far, to go on with; None while another process does."""
    path = store.partial(digest)
    descriptor = claimed(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    return None if descriptor is None else Partial(store, digest, path, descriptor)
