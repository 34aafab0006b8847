"""What lies beneath a new tmpfs, copied into it (the option `tmpcopyup`)."""

from __future__ import annotations

import os
import stat

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE = 1024 * 1024


def copy_tree(source: int, target: int) -> None:
    """Copy a directory's content, with owners, modes and times; links are not followed.

    Args:
        source: a directory, which may be opened with O_PATH.
        target: an empty directory, likewise.

    Raises:
        OSError: something cannot be read or written.
    """
    readable = os.open(".", _FLAGS | os.O_DIRECTORY, dir_fd=source)
    writable = os.open(".", _FLAGS | os.O_DIRECTORY, dir_fd=target)
    try:
        for name in os.listdir(readable):
            _copy(name, readable, writable)
        _copy_attributes(os.fstat(readable), writable)
    finally:
        os.close(readable)
        os.close(writable)


def _copy(name: str, source: int, target: int) -> None:
    found = os.stat(name, dir_fd=source, follow_symlinks=False)
    if stat.S_ISDIR(found.st_mode):
        os.mkdir(name, 0o700, dir_fd=target)
        below, made = (os.open(name, _FLAGS | os.O_DIRECTORY, dir_fd=above) for above in (source, target))
        try:
            copy_tree(below, made)
        finally:
            os.close(below)
            os.close(made)
    elif stat.S_ISLNK(found.st_mode):
        os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
        os.chown(name, found.st_uid, found.st_gid, dir_fd=target, follow_symlinks=False)
    elif stat.S_ISREG(found.st_mode):
        _copy_file(name, source, target)
    else:
        os.mknod(name, found.st_mode, found.st_rdev, dir_fd=target)
        os.chown(name, found.st_uid, found.st_gid, dir_fd=target, follow_symlinks=False)


def _copy_file(name: str, source: int, target: int) -> None:
    readable = os.open(name, _FLAGS | os.O_NONBLOCK, dir_fd=source)
    writable = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=target)
    try:
        while os.sendfile(writable, readable, None, _PIECE):
            pass
        _copy_attributes(os.fstat(readable), writable)
    finally:
        os.close(readable)
        os.close(writable)


def _copy_attributes(found: os.stat_result, descriptor: int) -> None:
    os.fchown(descriptor, found.st_uid, found.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(found.st_mode))
    os.utime(descriptor, ns=(found.st_atime_ns, found.st_mtime_ns))
