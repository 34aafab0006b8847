"""Write a layer beneath an open directory, so that nothing outside of it is touched whatever the layer holds.

Every name is taken apart into components, and every directory on the way is opened without following symbolic links
(`beneath`), so a link that the layer has planted is never walked through: an entry beneath one is refused. Of entries
at the same place the last wins. What the layer says about directories is applied at its end.

With root's rights owners are kept and devices made; without, everything is the caller's own and devices are left out.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

from runner.layers import metadata
from runner.layers.beneath import Opener, directory_opener
from runner.layers.blocks import ByteSource
from runner.layers.directories import Directories, Directory, Written, opened
from runner.layers.entries import Entry, Kind, Path, Role, hidden_name, parse_path, role_of
from runner.layers.errors import LayerNotWritten, LayerRefused, LayerTooLarge
from runner.layers.reader import TarReader
from runner.layers.whiteouts import Whiteouts
from runner.limits import PATH_BYTES, LayerLimits

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DEVICE_TYPES = {Kind.CHARACTER_DEVICE: stat.S_IFCHR, Kind.BLOCK_DEVICE: stat.S_IFBLK, Kind.FIFO: stat.S_IFIFO}


@dataclass(slots=True)
class Unpacked:
    """What came of a layer: its entries, the bytes of its files (a link's are its target's), and what was left out."""

    entries: int = 0
    size: int = 0
    dropped_xattrs: int = 0
    skipped_devices: int = 0


def unpack(
    source: ByteSource,
    root: int,
    whiteouts: Whiteouts,
    limits: LayerLimits | None = None,
    *,
    opener: Opener | None = None,
) -> Unpacked:
    """Write the uncompressed tar stream `source` beneath the open directory `root`, and read it to its end.

    Nobody else may write beneath `root` meanwhile. After an error what is there is part of the layer, for the caller to
    remove. Nothing is synced.

    Raises:
        LayerInvalid: the stream is no archive, or not a whole one.
        LayerRefused: it holds an entry that must not be written.
        LayerTooLarge: a bound of `limits`, or of `runner.limits`, is passed.
        LayerNotWritten: the system did not take an entry.
    """
    extraction = _Extraction(source, root, whiteouts, limits or LayerLimits(), opener or directory_opener())
    return extraction.run()


class _Extraction:
    def __init__(  # noqa: PLR0917 - made in one place
        self, source: ByteSource, root: int, whiteouts: Whiteouts, limits: LayerLimits, opener: Opener
    ) -> None:
        self._reader = TarReader(source, limits.entries)
        self._limits = limits
        self._whiteouts = whiteouts
        self._directories = Directories(root, opener, whiteouts.directory_made)
        self._is_root = os.geteuid() == 0
        self._unpacked = Unpacked()
        self._writers: dict[Kind, Callable[[Entry, Path, Directory], None]] = {
            Kind.FILE: self._write_file,
            Kind.HARD_LINK: self._write_hard_link,
            Kind.SYMLINK: self._write_symlink,
            Kind.DIRECTORY: self._write_directory,
            Kind.CHARACTER_DEVICE: self._write_node,
            Kind.BLOCK_DEVICE: self._write_node,
            Kind.FIFO: self._write_node,
        }

    def run(self) -> Unpacked:
        try:
            for entry in self._reader.entries():
                try:
                    self._take(entry)
                except OSError as error:
                    raise LayerNotWritten(entry.name, error) from error
            try:
                self._finish(self._directories.root)
            except OSError as error:
                raise LayerNotWritten(b".", error) from error
        finally:
            self._directories.close()
        return self._unpacked

    def _take(self, entry: Entry) -> None:
        self._unpacked.entries += 1
        path = parse_path(entry.name)
        if not path:
            self._take_root(entry)
            return
        role = role_of(path)
        if role is Role.CONTENT:
            self._writers[entry.kind](entry, path, self._directories.reach(path[:-1]))
        elif role is Role.WHITEOUT:
            self._whiteouts.hide(self._directories.reach(path[:-1]), hidden_name(path))
        elif role is Role.OPAQUE:
            self._whiteouts.hide_all(self._directories.reach(path[:-1]))

    def _take_root(self, entry: Entry) -> None:
        if entry.kind is not Kind.DIRECTORY:
            raise LayerRefused(entry.name, "the root of a layer is a directory")
        self._directories.root.written.metadata = entry

    def _write_file(self, entry: Entry, path: Path, parent: Directory) -> None:
        self._unpacked.size += entry.size
        if self._unpacked.size > self._limits.size:
            raise LayerTooLarge("bytes of the files", self._limits.size)
        descriptor = self._new_file(path, parent)
        try:
            self._fill(descriptor, entry)
            self._unpacked.dropped_xattrs += metadata.apply(descriptor, entry, owners=self._is_root)
        finally:
            os.close(descriptor)

    def _new_file(self, path: Path, parent: Directory) -> int:
        try:
            descriptor = os.open(path[-1], _NEW_FILE, 0o600, dir_fd=parent.descriptor)
        except FileExistsError:
            self._directories.clear(parent, path)
            descriptor = os.open(path[-1], _NEW_FILE, 0o600, dir_fd=parent.descriptor)
        parent.written.children[path[-1]] = None
        return descriptor

    def _fill(self, descriptor: int, entry: Entry) -> None:
        if entry.segments is None:
            self._copy(descriptor, entry.size)
            return
        for segment in entry.segments:
            os.lseek(descriptor, segment.offset, os.SEEK_SET)
            self._copy(descriptor, segment.size)
        os.ftruncate(descriptor, entry.size)

    def _copy(self, descriptor: int, size: int) -> None:
        for piece in self._reader.content(size):
            written = os.write(descriptor, piece)
            while written < len(piece):
                written += os.write(descriptor, piece[written:])

    def _write_hard_link(self, entry: Entry, path: Path, parent: Directory) -> None:
        target = parse_path(entry.link)
        if not target or role_of(target) is not Role.CONTENT:
            raise LayerRefused(entry.name, "a hard link to what is no file")
        if target == path:
            return
        source = self._link_source(entry, target)
        status = os.stat(target[-1], dir_fd=source.descriptor, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode) or self._whiteouts.is_mark(status):
            raise LayerRefused(entry.name, "a hard link to what is no file")
        self._directories.clear(parent, path)
        # What was cleared may have held the target; then it is missing now.
        source = self._link_source(entry, target)
        os.link(target[-1], path[-1], src_dir_fd=source.descriptor, dst_dir_fd=parent.descriptor, follow_symlinks=False)
        parent.written.children[path[-1]] = None

    def _link_source(self, entry: Entry, target: Path) -> Directory:
        try:
            source = self._directories.existing(target[:-1])
            os.stat(target[-1], dir_fd=source.descriptor, follow_symlinks=False)
        except OSError as error:
            raise LayerRefused(entry.name, "a hard link to what the layer does not hold") from error
        return source

    def _write_symlink(self, entry: Entry, path: Path, parent: Directory) -> None:
        if not entry.link or b"\0" in entry.link:
            raise LayerRefused(entry.name, "a symbolic link that names nothing")
        if len(entry.link) > PATH_BYTES:
            raise LayerTooLarge("bytes of a link's target", PATH_BYTES)
        self._directories.clear(parent, path)
        self._unpacked.size += len(entry.link)
        os.symlink(entry.link, path[-1], dir_fd=parent.descriptor)
        parent.written.children[path[-1]] = None
        metadata.apply_to_name(parent.descriptor, path[-1], entry, owners=self._is_root)
        self._unpacked.dropped_xattrs += len(entry.xattrs)

    def _write_node(self, entry: Entry, path: Path, parent: Directory) -> None:
        if entry.kind is not Kind.FIFO:
            # overlayfs would take it for a whiteout.
            if entry.kind is Kind.CHARACTER_DEVICE and entry.device == (0, 0):
                raise LayerRefused(entry.name, "a device that hides what other layers hold")
            if not self._is_root:
                self._unpacked.skipped_devices += 1
                return
        self._directories.clear(parent, path)
        mode = _DEVICE_TYPES[entry.kind] | 0o600
        os.mknod(path[-1], mode, os.makedev(*entry.device), dir_fd=parent.descriptor)
        parent.written.children[path[-1]] = None
        metadata.apply_to_name(parent.descriptor, path[-1], entry, owners=self._is_root)
        metadata.apply_mode_to_node(parent.descriptor, path[-1], entry)
        self._unpacked.dropped_xattrs += len(entry.xattrs)

    def _write_directory(self, entry: Entry, path: Path, parent: Directory) -> None:
        name = path[-1]
        try:
            written = self._directories.make(parent, name)
        except FileExistsError:
            status = os.stat(name, dir_fd=parent.descriptor, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                written = parent.written.children.get(name) or Written()
                parent.written.children[name] = written
            else:
                self._directories.clear(parent, path)
                written = self._directories.make(parent, name)
        written.metadata = entry

    def _finish(self, directory: Directory) -> None:
        """Give directories what their entries say, the inner ones first: the outer may then no longer be entered."""
        for name, written in directory.written.children.items():
            if written is not None:
                with opened(directory.descriptor, name) as descriptor:
                    self._finish(Directory(descriptor, written))
        entry = directory.written.metadata
        if entry is not None:
            self._unpacked.dropped_xattrs += metadata.apply(directory.descriptor, entry, owners=self._is_root)
