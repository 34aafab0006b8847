"""The mounts of the configuration: each made detached, set, and put onto a place that was resolved once."""

from __future__ import annotations

import errno
import os
import stat

from runner.oci.errors import CallFailed
from runner.oci.kernel import mounts
from runner.oci.kernel.files import DIRECTORY
from runner.oci.rootfs import copying, targets
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.oci.spec.mount_options import MountOptions
    from runner.oci.spec.values import Mount

# In whose directories the kernel alone puts files.
_KERNEL_OWNED = {"proc", "sysfs"}


def mount(root: int, wanted: Mount, source: int | None = None) -> None:
    """Mount one file system, or one part of the host's.

    Args:
        root: the root file system.
        wanted: what and where.
        source: what `copy_source` or `copy_opened` gave for a bind; it is closed.

    Raises:
        CallFailed: the source is missing, the place cannot be reached, or the kernel refuses.
    """
    try:
        made = _made(root, wanted) if source is None else source
        try:
            _attach(made, root, wanted)
        finally:
            os.close(made)
    except CallFailed as error:
        raise CallFailed("mount", wanted.destination, error.cause) from error


def is_bind(wanted: Mount) -> bool:
    """Whether it shows a part of the host's files."""
    return wanted.options.bind or wanted.kind == "bind"


def copy_source(wanted: Mount) -> int:
    """A detached copy of what a bind shows.

    Raises:
        CallFailed: the source is missing.
    """
    return mounts.copy_path(wanted.source, recursive=wanted.options.recursive)


def copy_opened(wanted: Mount, source: int) -> int:
    """The same of what is open, in this process's mount namespace; the descriptor is closed.

    Raises:
        CallFailed: the kernel refuses.
    """
    try:
        return mounts.copy_descriptor(source, recursive=wanted.options.recursive)
    except CallFailed as error:
        raise CallFailed("mount", wanted.destination, error.cause) from error
    finally:
        os.close(source)


def _made(root: int, wanted: Mount) -> int:
    options = wanted.options
    if is_bind(wanted):
        return copy_source(wanted)
    # What is to be copied into a read-only one comes first.
    attributes = options.add & ~mounts.READ_ONLY if options.copy_up else options.add
    data = options.data
    if wanted.kind == "tmpfs" and not any(word.startswith("mode=") for word in data):
        data += _mode_beneath(root, wanted.destination)
    return mounts.new_filesystem(wanted.kind, wanted.source, data, attributes)


def _attach(made: int, root: int, wanted: Mount) -> None:
    target = _target(root, wanted, made)
    try:
        if wanted.options.copy_up:
            copying.copy_tree(target, made)
        mounts.attach(made, target)
    finally:
        os.close(target)
    _set(made, wanted.options, bound=is_bind(wanted))


def _target(root: int, wanted: Mount, made: int) -> int:
    """Where it is mounted. The kernel's own words for what does not fit there (EINVAL) would explain nothing."""
    place = wanted.destination
    if not stat.S_ISDIR(os.fstat(made).st_mode):
        target = targets.file(root, place)
        if not stat.S_ISDIR(os.fstat(target).st_mode):
            return target
        os.close(target)
        raise CallFailed("mount", place, OSError(errno.EISDIR, "a file cannot be mounted on a directory"))
    if wanted.kind in _KERNEL_OWNED:
        return _ordinary_directory(root, place)
    try:
        return targets.directory(root, place)
    except CallFailed as error:
        if error.cause.errno != errno.ENOTDIR:
            raise
        raise CallFailed(
            "mount", place, OSError(errno.ENOTDIR, "a directory cannot be mounted on a file, or beneath one")
        ) from error


def _ordinary_directory(root: int, destination: str) -> int:
    # A link at /proc would have masks and settings meant for the kernel's files go elsewhere (CVE-2019-19921).
    above, name = targets.parent(root, destination)
    try:
        with Suppressed(FileExistsError):
            os.mkdir(name, 0o755, dir_fd=above)
        return os.open(name, DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
    except NotADirectoryError as error:
        raise CallFailed("mount", destination, OSError(20, "must be mounted on an ordinary directory")) from error
    except OSError as error:
        raise CallFailed("mount", destination, error) from error
    finally:
        os.close(above)


def _mode_beneath(root: int, destination: str) -> tuple[str, ...]:
    """A tmpfs without a mode has that of the directory that it covers."""
    beneath = targets.find(root, destination)
    if beneath is None:
        return ()
    try:
        return (f"mode={stat.S_IMODE(os.fstat(beneath).st_mode):o}",)
    finally:
        os.close(beneath)


def _set(made: int, options: MountOptions, *, bound: bool) -> None:
    if (bound or options.copy_up) and (options.add or options.remove):
        mounts.change(made, add=options.add, remove=options.remove)
    if options.recursive_add or options.recursive_remove:
        mounts.change(made, add=options.recursive_add, remove=options.recursive_remove, recursive=True)
    if options.propagation:
        mounts.change(made, propagation=options.propagation, recursive=options.propagation_recursive)
