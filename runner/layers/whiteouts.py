"""How a layer hides what the layers below it have (image-spec, "Whiteouts").

A whiteout says nothing about what its own layer holds, in whichever order the two come.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import Protocol

from runner.layers.directories import Directory, Written, opened
from runner.trees import remove

# What the first user namespace says of itself.
_WHOLE_MAP = [b"0", b"0", b"%d" % (2**32 - 1)]


class Whiteouts(Protocol):
    """One form in which a layer is kept."""

    def hide(self, directory: Directory, name: bytes) -> None:
        """Nothing of the layers below is at `name` of `directory` any more."""
        ...

    def hide_all(self, directory: Directory) -> None:
        """Nothing of the layers below is in `directory` any more."""
        ...

    def directory_made(self, parent: Directory, name: bytes, directory: Directory) -> None:
        """The layer has put `directory` where there was none, or where a whiteout was."""
        ...

    def is_mark(self, status: os.stat_result) -> bool:
        """Whether this is a whiteout, and nothing that the archive holds."""
        ...


def for_this_process() -> OverlayWhiteouts:
    """The marks that overlayfs heeds where this process mounts it: with `userxattr` unless it is the host's root."""
    return OverlayWhiteouts("trusted.overlay.opaque" if is_host_root() else "user.overlay.opaque")


def is_host_root() -> bool:
    """Whether this process is root, and not only of a user namespace of its own."""
    with open("/proc/self/uid_map", "rb") as file:  # noqa: PTH123 - on the way of a start
        return os.geteuid() == 0 and file.read().split() == _WHOLE_MAP


class OverlayWhiteouts:
    """For overlayfs: a layer stands alone, and carries marks for what it hides (Linux, "Overlay Filesystem").

    `opaque_xattr` is `user.overlay.opaque` for what is mounted with `userxattr`, as without root's rights.
    """

    def __init__(self, opaque_xattr: str = "trusted.overlay.opaque") -> None:
        self._opaque_xattr = opaque_xattr

    def hide(self, directory: Directory, name: bytes) -> None:
        directory.written.hidden.add(name)
        if name not in directory.written.children:
            with suppress(FileExistsError):
                os.mknod(name, stat.S_IFCHR, os.makedev(0, 0), dir_fd=directory.descriptor)
        elif directory.written.children[name] is not None:
            with opened(directory.descriptor, name) as descriptor:
                self._mark_opaque(descriptor)

    def hide_all(self, directory: Directory) -> None:
        self._mark_opaque(directory.descriptor)

    def directory_made(self, parent: Directory, name: bytes, directory: Directory) -> None:
        if name in parent.written.hidden:
            self._mark_opaque(directory.descriptor)

    def is_mark(self, status: os.stat_result) -> bool:
        return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0

    def _mark_opaque(self, descriptor: int) -> None:
        os.setxattr(descriptor, self._opaque_xattr, b"y")


class PlainWhiteouts:
    """For a plain directory, which holds the layers below already: what is hidden is removed."""

    def hide(self, directory: Directory, name: bytes) -> None:
        if name not in directory.written.children:
            remove(directory.descriptor, name)
            return
        child = directory.written.children[name]
        if child is not None:
            self._hide_beneath(directory, name, child)

    def hide_all(self, directory: Directory) -> None:
        if directory.written.nothing_below:
            return
        for name in map(os.fsencode, os.listdir(directory.descriptor)):  # noqa: PTH208 - of a descriptor
            self.hide(directory, name)
        directory.written.nothing_below = True

    def directory_made(self, parent: Directory, name: bytes, directory: Directory) -> None:
        pass

    def is_mark(self, status: os.stat_result) -> bool:
        return False

    def _hide_beneath(self, directory: Directory, name: bytes, child: Written) -> None:
        with opened(directory.descriptor, name) as descriptor:
            self.hide_all(Directory(descriptor, child))
