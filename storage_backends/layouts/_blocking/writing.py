"""Files of layouts that are written here: content hashed on its way, and put in place when it is whole."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from oci_spec.digest import Digest
from oci_spec.image_layout import BLOB_FOLDER, INDEX_FILE, LAYOUT_FILE, blob_path, check_layout_file, layout_file
from storage_backends.errors import DigestMismatch, LayoutOccupied
from storage_backends.layouts._blocking.tar_members import padded

PARTIAL = ".partial"
"""What files are called until they are whole, or the end of what an archive is called until then."""

# Other programs' users read layouts, so these are files like any other, whatever the umask leaves of it.
_FILE_MODE = 0o666
_FOLDER_MODE = 0o777


class HashedFile:
    """An open file that content of `digest` and `size` bytes is written to, block by block."""

    def __init__(self, descriptor: int, digest: Digest, size: int) -> None:
        self.descriptor = descriptor
        self._digest = digest
        self._left = size
        self._running = hashlib.new(digest.algorithm)

    def write(self, block: bytes) -> None:
        """Hash and write what follows."""
        self._running.update(block)
        self._left -= len(block)
        # What is too much would make an archive unreadable.
        if self._left >= 0:
            write_all(self.descriptor, block)

    def check(self) -> None:
        """Raise DigestMismatch unless all of the content has come, and nothing else."""
        actual = Digest.from_raw(self._digest.algorithm, self._running.digest())
        if actual != self._digest or self._left != 0:
            raise DigestMismatch(self._digest, actual)


class Folder:
    """A folder that a layout is written to, held against other exports until it is closed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._partial = root / PARTIAL
        self._descriptor = -1

    def open(self) -> None:
        """Make the folder if it is missing and hold it; raises LayoutOccupied if something else is in it."""
        with suppress(FileExistsError):
            self._root.mkdir(_FOLDER_MODE)
        self._descriptor = _held(self._root, self._root, os.O_RDONLY | os.O_DIRECTORY)
        names = {path.name for path in self._root.iterdir()} - {PARTIAL}
        if LAYOUT_FILE in names:
            check_layout_file((self._root / LAYOUT_FILE).read_bytes())
        elif names:
            raise LayoutOccupied(self._root, "the folder is not empty, and is no image layout")
        else:
            self.replace(LAYOUT_FILE, layout_file())

    def index(self) -> bytes | None:
        """The content of the `index.json` that is there; None if there is none."""
        try:
            return (self._root / INDEX_FILE).read_bytes()
        except FileNotFoundError:
            return None

    def holds(self, digest: Digest, size: int) -> bool:
        """Whether content is there under its own name, which it is given only when it is whole."""
        try:
            return (self._root / blob_path(digest)).stat(follow_symlinks=False).st_size == size
        except FileNotFoundError:
            return False

    def begin(self, digest: Digest, size: int) -> HashedFile:
        """A file for content that has no name yet."""
        descriptor = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _FILE_MODE)
        return HashedFile(descriptor, digest, size)

    def publish(self, file: HashedFile, digest: Digest) -> None:
        """Give the file's content its name, if it is what it should be."""
        file.check()
        target = self._root / blob_path(digest)
        os.fdatasync(file.descriptor)
        target.parent.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)
        self._partial.rename(target)

    def replace(self, name: str, content: bytes) -> None:
        """Put a small file at the layout's root, in place of what was there."""
        descriptor = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _FILE_MODE)
        try:
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._partial.rename(self._root / name)
        os.fsync(self._descriptor)

    def sync(self) -> None:
        """See to the disk which names stand in the folders of blobs, and in this one."""
        blobs = self._root / BLOB_FOLDER
        blobs.mkdir(_FOLDER_MODE, exist_ok=True)
        for folder in (*(path for path in blobs.iterdir() if path.is_dir()), blobs, self._root):
            _sync_folder(folder)

    def close(self) -> None:
        """Let others have the folder."""
        if self._descriptor >= 0:
            with suppress(FileNotFoundError):
                self._partial.unlink()
            os.close(self._descriptor)
            self._descriptor = -1


class ArchiveFile:
    """An archive in a file that gets its name, `path`, when it is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(path.name + PARTIAL)
        self.descriptor = -1

    def open(self) -> None:
        """Begin anew, held against other exports."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW
        self.descriptor = _held(self._path, self._partial, flags)
        os.ftruncate(self.descriptor, 0)

    def publish(self) -> None:
        """Give the file its name, in place of what bore it."""
        os.fsync(self.descriptor)
        self._partial.rename(self._path)
        _sync_folder(self._path.parent)
        os.close(self.descriptor)
        self.descriptor = -1

    def close(self) -> None:
        """Drop the file, if it has not got its name."""
        if self.descriptor >= 0:
            with suppress(FileNotFoundError):
                self._partial.unlink()
            os.close(self.descriptor)
            self.descriptor = -1


def write_folder(descriptor: int, name: str) -> None:
    """Write the archive member that is the folder `name`."""
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, 0o755
    write_all(descriptor, member.tobuf(tarfile.PAX_FORMAT))


def write_header(descriptor: int, name: str, size: int) -> None:
    """Write what stands before the content of the file `name`: the same for the same file, whoever writes it when."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    write_all(descriptor, member.tobuf(tarfile.PAX_FORMAT))


def write_padding(descriptor: int, size: int) -> None:
    """Write what stands after `size` bytes of content."""
    write_all(descriptor, bytes(padded(size) - size))


def write_end(descriptor: int) -> None:
    """Write what ends an archive."""
    write_all(descriptor, bytes(2 * tarfile.BLOCKSIZE))


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of `content` to a file or pipe."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Let a failure to write name what could not be written: a full disk may be this one or the registry's."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def _held(path: Path, opened: Path, flags: int) -> int:
    """A descriptor of `opened`, held against all other exports to `path`."""
    descriptor = os.open(opened, flags, _FILE_MODE)
    try:
        # Another export may have given its file the name between our opening and locking it.
        if not _lock(descriptor) or not _is_at(opened, descriptor):
            raise LayoutOccupied(path, "another export is writing to it")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        # Some network file systems lock no folders: then nothing but care keeps two exports apart.
        if error.errno not in {errno.EBADF, errno.ENOTSUP, errno.ENOLCK}:
            raise
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
