"""The directories of a layer while it is unpacked: open ones, and what the layer has put into each."""

from __future__ import annotations

import errno
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from runner import limits
from runner.layers.beneath import DIRECTORY_FLAGS, Opener
from runner.layers.entries import Entry, Path
from runner.layers.errors import LayerRefused
from runner.trees import remove

_IMPLIED_MODE = 0o755
_IN_THE_WAY = {errno.ENOTDIR, errno.ELOOP}


@dataclass(slots=True)
class Written:
    """What this layer, and not one below, has written at a directory.

    `children` holds None for all that is no directory. `metadata` waits until the layer's end, since writing into a
    directory changes its times and may need rights that its own mode does not give.
    """

    children: dict[bytes, Written | None] = field(default_factory=dict)
    hidden: set[bytes] = field(default_factory=set)
    metadata: Entry | None = None
    nothing_below: bool = False


class Directory(NamedTuple):
    """An open directory beneath the root."""

    descriptor: int
    written: Written


DirectoryMade = Callable[[Directory, bytes, Directory], None]
"""Told of a directory that was made: where, under which name, and the new one."""


class Directories:
    """The directories beneath `root`, reached without following a symbolic link and made where there are none.

    A directory that this gives stays open for the next two calls; a caller never closes it.
    """

    def __init__(self, root: int, opener: Opener, made: DirectoryMade) -> None:
        self.root = Directory(root, Written())
        self._opener = opener
        self._made = made
        self._open: OrderedDict[Path, Directory] = OrderedDict()

    def existing(self, path: Path) -> Directory:
        """The directory at `path`.

        Raises:
            OSError: there is none.
        """
        if not path:
            return self.root
        found = self._open.get(path)
        if found is not None:
            self._open.move_to_end(path)
            return found
        return self._keep(path, self._opener(self.root.descriptor, path))

    def reach(self, path: Path) -> Directory:
        """The directory at `path`, made with those above it where it is missing.

        Raises:
            LayerRefused: something that is no directory stands in the way.
        """
        try:
            return self.existing(path)
        except FileNotFoundError:
            return self._keep(path, self._make(path))
        except OSError as error:
            if error.errno not in _IN_THE_WAY:
                raise
            return self._keep(path, self._make(path))

    def make(self, parent: Directory, name: bytes) -> Written:
        """Make the directory `name`, where nothing stands, open to its owner only until the layer's end."""
        os.mkdir(name, 0o700, dir_fd=parent.descriptor)
        written = Written(nothing_below=True)
        parent.written.children[name] = written
        with opened(parent.descriptor, name) as descriptor:
            self._made(parent, name, Directory(descriptor, written))
        return written

    def clear(self, parent: Directory, path: Path) -> None:
        """Remove whatever stands at `path`, the name of which is in `parent`; directories with all that is in them."""
        name = path[-1]
        if remove(parent.descriptor, name):
            self._close_beneath(path)
        parent.written.children.pop(name, None)

    def close(self) -> None:
        """Close all directories but the root."""
        self._close_beneath(())

    def _keep(self, path: Path, descriptor: int) -> Directory:
        written = self.root.written
        for name in path:
            child = written.children.get(name)
            if child is None:
                child = written.children[name] = Written()
            written = child
        directory = self._open[path] = Directory(descriptor, written)
        if len(self._open) > limits.OPEN_DIRECTORIES:
            os.close(self._open.popitem(last=False)[1].descriptor)
        return directory

    def _make(self, path: Path) -> int:
        """Open the directory at `path` step by step, and make the missing ones, as if the archive had told them."""
        current = Directory(os.dup(self.root.descriptor), self.root.written)
        try:
            for depth, name in enumerate(path, 1):
                below = self._step(current, path[:depth])
                written = current.written.children.get(name) or Written()
                current.written.children[name] = written
                os.close(current.descriptor)
                current = Directory(below, written)
        except BaseException:
            os.close(current.descriptor)
            raise
        return current.descriptor

    def _step(self, parent: Directory, path: Path) -> int:
        name = path[-1]
        try:
            return os.open(name, DIRECTORY_FLAGS, dir_fd=parent.descriptor)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno not in _IN_THE_WAY:
                raise
            # A whiteout is not in the way: what it hides belongs to the layers below, and this directory does not.
            if name not in parent.written.hidden or name in parent.written.children:
                raise LayerRefused(b"/".join(path), "something else stands where a directory is needed") from error
            os.unlink(name, dir_fd=parent.descriptor)
        self.make(parent, name)
        descriptor = os.open(name, DIRECTORY_FLAGS, dir_fd=parent.descriptor)
        os.fchmod(descriptor, _IMPLIED_MODE)
        return descriptor

    def _close_beneath(self, path: Path) -> None:
        for other in [other for other in self._open if other[: len(path)] == path]:
            os.close(self._open.pop(other).descriptor)


@contextmanager
def opened(parent: int, name: bytes) -> Iterator[int]:
    """The directory `name` in `parent`, while the context lasts; never through a symbolic link."""
    descriptor = os.open(name, DIRECTORY_FLAGS, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
