"""Owner, attributes, mode and times of what an entry became; always of the thing itself, never of what a link names.

And the attributes that an entry is to have of what it is made of.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress

from runner import limits
from runner.layers.entries import Entry

_KEPT_BY_ROOT = b"security.capability"
_USER = b"user."
_OVERLAY = b"user.overlay."
_NOT_KEPT_HERE = {errno.ENOTSUP, errno.EPERM, errno.EACCES}


def apply(descriptor: int, entry: Entry, *, owners: bool) -> int:
    """Give an open file or directory what its entry says; how many of its attributes were dropped."""
    if owners:
        os.fchown(descriptor, entry.uid, entry.gid)
    # A change of owner takes capabilities and set-ID bits away, so both come after it; any change may move the times.
    dropped = _set_xattrs(descriptor, entry, owners=owners) if entry.xattrs else 0
    os.fchmod(descriptor, entry.mode)
    os.utime(descriptor, ns=(entry.mtime_ns, entry.mtime_ns))
    return dropped


def apply_to_name(directory: int, name: bytes, entry: Entry, *, owners: bool) -> None:
    """Give a symbolic link, a device or a FIFO what its entry says, but for the mode."""
    if owners:
        os.chown(name, entry.uid, entry.gid, dir_fd=directory, follow_symlinks=False)
    os.utime(name, ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=directory, follow_symlinks=False)


def apply_mode_to_node(directory: int, name: bytes, entry: Entry) -> None:
    """Give a device or a FIFO its mode, without opening what it leads to."""
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        # A descriptor of this kind takes no fchmod(2); its name in /proc is the file itself.
        os.chmod(f"/proc/self/fd/{descriptor}", entry.mode)  # noqa: PTH101 - the name of a descriptor
    finally:
        os.close(descriptor)


def read_xattrs(descriptor: int, *, owners: bool) -> dict[bytes, bytes]:
    """The attributes of an open file or directory that a layer may set."""
    try:
        names = os.listxattr(descriptor)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        return {}
    found: dict[bytes, bytes] = {}
    for name in map(os.fsencode, sorted(names)):
        if not may_keep(name, b"", owners=owners):
            continue
        # Somebody may have taken it away since it was listed.
        with suppress(OSError):
            found[name] = os.getxattr(descriptor, name)
    return found


def may_keep(name: bytes, value: bytes, *, owners: bool) -> bool:
    """Whether a layer may set the attribute: a user's own, and as root the capabilities of programs.

    overlayfs keeps its state (what is opaque, moved or only metadata) in attributes; a layer that brought them would
    forge it. All else is a matter of the machine, not of an image.
    """
    if len(name) > limits.XATTR_NAME_BYTES or len(value) > limits.XATTR_VALUE_BYTES or b"\0" in name:
        return False
    if name == _KEPT_BY_ROOT:
        return owners
    return name.startswith(_USER) and name != _USER and not name.startswith(_OVERLAY)


def _set_xattrs(descriptor: int, entry: Entry, *, owners: bool) -> int:
    dropped = 0
    for name, value in entry.xattrs.items():
        if not may_keep(name, value, owners=owners):
            dropped += 1
            continue
        try:
            os.setxattr(descriptor, name, value)
        except OSError as error:
            if error.errno not in _NOT_KEPT_HERE:
                raise
            dropped += 1
    return dropped
