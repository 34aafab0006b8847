"""A directory as a tar archive: the one way from files to a layer or an export.

Whatever others do to the tree meanwhile, nothing outside of it is read, and nothing that could be harmed by it is
opened: each name is taken in an open directory, never through a symbolic link, and what was found there is held by a
descriptor (O_PATH) while it is looked at, so that what is opened then is the plain file that was looked at, and never a
device or a pipe that was put in its place. What has gone meanwhile is left out; a file that has become shorter is
filled up with zeros, for its size has been told by then.

Within each directory come first its files and then its directories, by their names: of the same tree comes the same
archive. Sockets, which are nothing without who listens, are left out.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runner.layers import metadata
from runner.layers.beneath import Opener, directory_opener
from runner.layers.entries import Entry, Kind, Path, Segment
from runner.layers.errors import LayerNotRead, LayerTooLarge
from runner.layers.writer import ByteSink, TarWriter
from runner.limits import LEAST_HOLES, PATH_BYTES, PATH_DEPTH, SPARSE_SEGMENTS

_KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFCHR: Kind.CHARACTER_DEVICE,
    stat.S_IFBLK: Kind.BLOCK_DEVICE,
    stat.S_IFIFO: Kind.FIFO,
}
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE}
_PIECE = 256 * 1024
_DISK_BLOCK = 512


def archive(root: int, output: ByteSink, *, opener: Opener | None = None) -> None:
    """Write the tree beneath the open directory `root`, and that itself as `./`, with numbers for owners.

    Raises:
        LayerNotRead: the system does not give something.
        LayerTooLarge: a name is longer, or lies deeper, than those that read archives take.
    """
    _Archiving(root, output, opener or directory_opener()).run()


class _Archiving:
    def __init__(self, root: int, output: ByteSink, opener: Opener) -> None:
        self._root = root
        self._opener = opener
        self._writer = TarWriter(output)
        self._is_root = os.geteuid() == 0
        # Of files with several names, by device and inode, what was written under the first.
        self._linked: dict[tuple[int, int], Entry] = {}

    def run(self) -> None:
        waiting: list[Path] = [()]
        while waiting:
            waiting += reversed(self._add_directory(waiting.pop()))
        self._writer.finish()

    def _add_directory(self, path: Path) -> list[Path]:
        """Write a directory and all in it that is none; those that are."""
        name = _name(path)
        # By its path, for a tree may be deeper than descriptors suffice.
        directory = _opened(name, lambda: self._opener(self._root, path))
        if directory is None:
            return []
        try:
            with _reading(name):
                entry = _entry(name, Kind.DIRECTORY, os.fstat(directory))
                xattrs = metadata.read_xattrs(directory, owners=self._is_root)
                names = sorted(map(os.fsencode, os.listdir(directory)))  # noqa: PTH208 - of a descriptor
            self._writer.add(entry._replace(xattrs=xattrs))
            return [below for name in names if self._add(directory, below := (*path, name))]
        finally:
            os.close(directory)

    def _add(self, directory: int, path: Path) -> bool:
        """Write what is under a name in an open directory; True where that is a directory, which is not."""
        _check(path)
        name = _name(path)
        node = _opened(name, lambda: os.open(path[-1], _LOOK, dir_fd=directory))
        if node is None:
            return False
        try:
            status = os.fstat(node)
            if stat.S_ISDIR(status.st_mode):
                return True
            kind = _KINDS.get(stat.S_IFMT(status.st_mode))
            if kind is not None:
                self._add_node(node, kind, status, name=name)
        finally:
            os.close(node)
        return False

    def _add_node(self, node: int, kind: Kind, status: os.stat_result, *, name: bytes) -> None:
        identity = (status.st_dev, status.st_ino)
        first = self._linked.get(identity) if status.st_nlink > 1 else None
        if first is not None:
            # With all that the first one says: some readers apply it again, and a change of owner alone would take
            # away a program's capabilities.
            again = first._replace(name=name, kind=Kind.HARD_LINK, link=first.name)
            self._writer.add(again._replace(size=0, segments=None, device=(0, 0)))
            return
        entry = self._add_file(node, name) if kind is Kind.FILE else self._add_special(node, kind, status, name=name)
        if entry is not None and status.st_nlink > 1:
            self._linked[identity] = entry

    def _add_special(self, node: int, kind: Kind, status: os.stat_result, *, name: bytes) -> Entry:
        entry = _entry(name, kind, status)
        if kind is Kind.SYMLINK:
            with _reading(name):
                entry = entry._replace(link=os.readlink(b"", dir_fd=node))
        elif kind is not Kind.FIFO:
            entry = entry._replace(device=(os.major(status.st_rdev), os.minor(status.st_rdev)))
        self._writer.add(entry)
        return entry

    def _add_file(self, node: int, name: bytes) -> Entry | None:
        """Write a file; None where it has gone."""
        # The descriptor's name in /proc is the file itself, under whatever name it is now.
        descriptor = _opened(name, lambda: os.open(f"/proc/self/fd/{node}", os.O_RDONLY | os.O_CLOEXEC))
        if descriptor is None:
            return None
        try:
            with _reading(name):
                status = os.fstat(descriptor)
                segments = _segments(descriptor, status)
                xattrs = metadata.read_xattrs(descriptor, owners=self._is_root)
            entry = _entry(name, Kind.FILE, status)
            entry = entry._replace(size=status.st_size, xattrs=xattrs, segments=segments)
            whole = [Segment(0, status.st_size)]
            self._writer.add(entry, _content(descriptor, name, whole if segments is None else segments))
        finally:
            os.close(descriptor)
        return entry


@contextmanager
def _reading(name: bytes) -> Iterator[None]:
    """Tell what cannot be read from what cannot be written."""
    try:
        yield
    except OSError as error:
        raise LayerNotRead(name, error) from error


def _opened(name: bytes, open_: Callable[[], int]) -> int | None:
    """A descriptor; None where what it was to be of has gone, or something else is there by now."""
    try:
        return open_()
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise LayerNotRead(name, error) from error


def _entry(name: bytes, kind: Kind, status: os.stat_result) -> Entry:
    return Entry(
        name=name,
        kind=kind,
        link=b"",
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        mtime_ns=status.st_mtime_ns,
        size=0,
        device=(0, 0),
        xattrs={},
        segments=None,
    )


def _name(path: Path) -> bytes:
    return b"/".join(path) or b"."


def _check(path: Path) -> None:
    if len(path) > PATH_DEPTH:
        raise LayerTooLarge("components of a name", PATH_DEPTH)
    if len(_name(path)) > PATH_BYTES:
        raise LayerTooLarge("bytes of a name", PATH_BYTES)


def _segments(descriptor: int, status: os.stat_result) -> list[Segment] | None:
    """The pieces of a file that hold data, and an empty one at its end; None where its holes are not worth it."""
    size = status.st_size
    if size - status.st_blocks * _DISK_BLOCK < LEAST_HOLES:
        return None
    segments: list[Segment] = []
    for segment in _data(descriptor, size):
        # So many pieces are more than anybody reads: the rest is one.
        is_last = len(segments) == SPARSE_SEGMENTS - 2
        segments.append(Segment(segment.offset, size - segment.offset) if is_last else segment)
        if is_last:
            break
    if size - sum(segment.size for segment in segments) < LEAST_HOLES:
        return None
    # By this, GNU tar knows how long a file is whose end is a hole.
    return [*segments, Segment(size, 0)]


def _data(descriptor: int, size: int) -> Iterator[Segment]:
    """The pieces that hold data, as the file system tells them (lseek(2))."""
    end = 0
    while end < size:
        try:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
            end = min(os.lseek(descriptor, start, os.SEEK_HOLE), size)
        except OSError as error:
            # There is none any more.
            if error.errno != errno.ENXIO:
                raise
            return
        if start >= size:
            return
        yield Segment(start, end - start)


def _content(descriptor: int, name: bytes, segments: list[Segment]) -> Iterator[bytes]:
    for segment in segments:
        at, end = segment.offset, segment.offset + segment.size
        while at < end:
            wanted = min(_PIECE, end - at)
            with _reading(name):
                piece = os.pread(descriptor, wanted, at)
            yield piece or bytes(wanted)
            at += len(piece) or wanted
