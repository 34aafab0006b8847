"""One upload's file, running hash and lock."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from oci_spec.digest import Digest
from storage_backends.blocks import BLOCK_SIZE
from storage_backends.contract import UploadState
from storage_backends.errors import UploadBusy, UploadLost
from storage_backends.filesystem._blocking.folders import DurableFolders, find_blob_of, sync_folder
from storage_backends.filesystem._blocking.reading import is_committed
from storage_backends.filesystem._blocking.writing import (
    FILE_MODE,
    begin_writing_back,
    copy_durably,
    require_room,
    write_all,
)
from storage_backends.filesystem.layout import Layout
from storage_backends.filling import FillingChunks
from storage_backends.hash_state import RunningHash, resumed_hash
from storage_backends.libcrypto import Buffer

# Each step of it gives the interpreter's lock away and has to get it back: half of this costs a tenth more.
_BUFFER_SIZE = 2 << 20
# A quick client must not keep a thread to itself for the length of a whole layer.
_TURN_SIZE = 16 << 20
_WRITE_BACK_SIZE = 8 << 20
_IDENTITY = struct.Struct(">Qq")
_of_thread = threading.local()


class UploadFile:
    """The file of one upload and its running hash, from a state onwards; opened when it is first needed.

    A process that died may have committed the upload without recording that. What goes on from before then gets a copy
    of its bytes: whether the blob is recorded after all may be decided elsewhere at this moment.
    """

    __slots__ = (
        "_acknowledged",
        "_descriptor",
        "_key",
        "_layout",
        "_path",
        "_running",
        "_synced_as",
        "_unsynced",
        "_writing_back",
        "offset",
    )

    def __init__(self, path: Path, layout: Layout, state: UploadState) -> None:
        self._path = path
        self._layout = layout
        self._key = state.key
        self._running = resumed_hash(state.algorithm, state.offset, state.hash_state)
        self._acknowledged = state.offset
        self._descriptor = -1
        # Until this object has synced it itself: whoever cut or wrote before may have died before the disk knew. Unless
        # the file is still as it was synced by whoever made the state.
        self._unsynced = True
        self._synced_as = state.backend_state
        self.offset = self._writing_back = state.offset

    @property
    def is_open(self) -> bool:
        """Whether the file is held open, to be closed."""
        return self._descriptor >= 0

    def hash_state(self) -> bytes:
        """The hash state of all bytes up to `offset`; empty where it is not known."""
        return b"" if self._running is None else self._running.export()

    def digest(self, algorithm: str) -> Digest | None:
        """The digest of all bytes up to `offset`; None where only reading them can tell."""
        if self._running is None or self._running.algorithm != algorithm:
            return None
        return self._running.digest()

    def write(self, block: list[bytes | bytearray]) -> None:
        """Hash and write what follows, and empty `block`."""
        self._append(block)
        # The thread may hold its arguments for a while after it has told that it is done.
        block.clear()

    def take(self, chunks: FillingChunks, *, to_commit: bool) -> None:
        """Hash and write what fills a buffer, until there is no more for now, or it is others' turn.

        The end is seen to the disk at once, and the file closed, where it is not there `to_commit`: that spares those
        who wait for it two more hops to a thread.
        """
        buffer, begin = _own_buffer(), self.offset
        while self.offset < begin + _TURN_SIZE and (size := chunks.fill(buffer)):
            self._append([buffer[:size]])
            self._begin_writing_back()
        if self.offset > begin and chunks.ended and not to_commit:
            self.sync()
            self.close()

    @property
    def is_on_disk(self) -> bool:
        """Whether all that was written is known to be."""
        return not self._unsynced

    @property
    def backend_state(self) -> bytes:
        """By what a commit knows that nobody touched the file since its last sync; empty once it was written to."""
        return self._synced_as

    def sync(self) -> None:
        """See all that was written to the disk."""
        if self._unsynced:
            with self._space_returned():
                os.fdatasync(self._descriptor)
            self._synced_as = _identity(os.fstat(self._descriptor))
            self._unsynced = False
        self._acknowledged = self.offset

    def hash_range(self, running: RunningHash, stop: int) -> None:
        """Read on into `running`, from where it stands up to `stop`."""
        descriptor, buffer = self._opened(), memoryview(bytearray(BLOCK_SIZE))
        while running.size < stop:
            wanted = min(BLOCK_SIZE, stop - running.size)
            size = os.preadv(descriptor, [buffer[:wanted]], running.size)
            if size == 0:
                raise UploadLost(self._key)
            running.update(buffer[:size])

    def publish(self, blob: Path, folders: DurableFolders) -> None:
        """Make the file the durable `blob`; nothing happens if that was done before."""
        try:
            if self.is_open or not self._is_as_synced():
                self._open()
                self.sync()
            folders.ensure(blob.parent)
            try:
                self._path.rename(blob)
            except FileNotFoundError:
                # Somebody took the folder away that was empty.
                if not folders.renew(blob.parent):
                    raise
                self._path.rename(blob)
        except (FileNotFoundError, UploadLost):
            if not is_committed(blob, self.offset):
                raise UploadLost(self._key) from None
        # Also on the second attempt: the first may have died before this.
        sync_folder(blob.parent)
        self.close()

    def close(self) -> None:
        """Close the file if it is open."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _is_as_synced(self) -> bool:
        if not self._synced_as:
            return False
        status = self._path.stat(follow_symlinks=False)
        return status.st_size == self.offset and _identity(status) == self._synced_as

    def _append(self, block: Sequence[Buffer]) -> None:
        descriptor = self._opened()
        self._unsynced = True
        self._synced_as = b""
        if self._running is not None:
            for buffer in block:
                self._running.update(buffer)
        with self._space_returned():
            require_room(descriptor)
            self.offset = write_all(descriptor, block, self.offset)

    def _opened(self) -> int:
        try:
            self._open()
        except UploadLost:
            committed = find_blob_of(self._layout.blobs, self._key)
            if committed is None or committed.stat().st_size < self.offset:
                raise
            self._copy(committed)
        return self._descriptor

    def _open(self) -> None:
        if self._descriptor >= 0:
            return
        creation = 0 if self.offset else os.O_CREAT
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_NOFOLLOW | creation, FILE_MODE)
        except FileNotFoundError:
            raise UploadLost(self._key) from None
        size = os.fstat(self._descriptor).st_size
        if size < self.offset:
            raise UploadLost(self._key)
        if size > self.offset:
            os.ftruncate(self._descriptor, self.offset)

    def _copy(self, committed: Path) -> None:
        """Open the upload's file with as many bytes of a blob as are counted in the state."""
        self.close()
        temporary = self._layout.temporary()
        try:
            copy_durably(committed, temporary, self.offset)
            # Only whole: what stands under the upload's name is trusted without being read.
            temporary.rename(self._path)
        finally:
            temporary.unlink(missing_ok=True)
        self._open()

    @contextmanager
    def _space_returned(self) -> Iterator[None]:
        """On failure drop what is not acknowledged: full disks need the space, and nobody will ask for the bytes."""
        try:
            yield
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._acknowledged)
            raise

    def _begin_writing_back(self) -> None:
        """Let the disk begin with what it has to take anyway, so that the wait for it in the end is short."""
        if self.offset - self._writing_back >= _WRITE_BACK_SIZE:
            begin_writing_back(self._opened(), self._writing_back, self.offset - self._writing_back)
            self._writing_back = self.offset


class UploadLock:
    """The hold on one upload against all other descriptors of all processes; it goes with its process.

    It is one byte of a file that all sessions share. The upload's own file would not do: a commit renames it, and
    whoever came next would make and lock a new one while the caller still records the key.
    """

    __slots__ = ("_descriptor", "_key", "_path")

    def __init__(self, path: Path, key: str) -> None:
        self._path = path
        self._key = key
        self._descriptor = -1

    def acquire(self) -> None:
        """Take the hold, or raise UploadBusy."""
        try:
            self._descriptor = os.open(self._path, os.O_RDWR)
        except FileNotFoundError:
            # Only then: to ask for it each time would take the folder's lock, for which others wait who write to it.
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, FILE_MODE)
        # 60 bits of a random key: that two uploads share a byte does not happen, and would only make one wait.
        first_byte = int(self._key[:15], 16)
        # An open file description lock (fcntl(2)): the older kind does not hold between threads of one process.
        request = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, first_byte, 1, 0)
        try:
            fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, request)
        except OSError as error:
            if error.errno in {errno.EAGAIN, errno.EACCES}:
                raise UploadBusy(self._key) from None
            raise

    def release(self) -> None:
        """Give the hold back if it was taken."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _identity(status: os.stat_result) -> bytes:
    """What is another for another file, and after each change of this one."""
    return _IDENTITY.pack(status.st_ino, status.st_mtime_ns)


def _own_buffer() -> memoryview:
    """The buffer of this thread, which is as long as the thread there: memory is bounded by threads, not by uploads."""
    buffer: memoryview | None = getattr(_of_thread, "buffer", None)
    if buffer is None:
        buffer = _of_thread.buffer = memoryview(bytearray(_BUFFER_SIZE))
    return buffer
