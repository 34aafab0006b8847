"""Paths that the container must not see, or not write to."""

from __future__ import annotations

import errno
import os
import stat

from runner.oci.errors import CallFailed
from runner.oci.kernel import mounts
from runner.oci.rootfs import devices, targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def mask(root: int, paths: Iterable[str]) -> None:
    """Cover files with the null device and directories with an empty file system; what is missing needs none.

    Raises:
        CallFailed: a path cannot be reached, or the kernel refuses.
    """
    for path in paths:
        target = targets.find(root, path)
        if target is None:
            continue
        is_directory = stat.S_ISDIR(os.fstat(target).st_mode)
        cover = _empty() if is_directory else devices.open_null()
        try:
            mounts.attach(cover, target)
        except CallFailed as error:
            raise CallFailed("mask", path, error.cause) from error
        finally:
            os.close(cover)
            os.close(target)


def make_read_only(root: int, paths: Iterable[str]) -> None:
    """Mount paths onto themselves, read-only, with all that is mounted beneath; what is missing needs none.

    Raises:
        CallFailed: a path cannot be reached, or the kernel refuses.
    """
    for path in paths:
        target = targets.find(root, path)
        if target is None:
            continue
        try:
            _cover_read_only(target)
        except CallFailed as error:
            raise CallFailed("make read-only", path, error.cause) from error
        finally:
            os.close(target)


def _empty() -> int:
    return mounts.new_filesystem("tmpfs", "tmpfs", ("size=0k", "nr_inodes=2"), mounts.READ_ONLY)


def _cover_read_only(target: int) -> None:
    copy = mounts.copy_descriptor(target, recursive=True)
    try:
        _restrict(copy)
        mounts.attach(copy, target)
    finally:
        os.close(copy)


def _restrict(copy: int) -> None:
    # The attributes of the mount beneath (nosuid, nodev, noexec) come with the copy.
    try:
        mounts.change(copy, add=mounts.READ_ONLY, recursive=True)
    except CallFailed as error:
        if error.cause.errno != errno.EPERM:
            raise
        # Something mounted beneath is locked by another user namespace.
        mounts.change(copy, add=mounts.READ_ONLY)
