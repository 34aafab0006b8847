"""What a tree of files is, in all that an archive can tell of it, so that two can be compared."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

Snapshot = dict[bytes, tuple[object, ...]]


@contextmanager
def open_directory(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def snapshot(root: Path) -> Snapshot:
    """All of `root`, itself too: kinds, contents, modes, owners, times, attributes, and which names share an inode."""
    first_names: dict[int, str] = {}
    places = [root, *sorted(root.rglob("*"))]
    return {os.fsencode(place.relative_to(root)): _described(root, place, first_names) for place in places}


def _described(root: Path, place: Path, first_names: dict[int, str]) -> tuple[object, ...]:
    status = place.lstat()
    content: object = None
    if stat.S_ISREG(status.st_mode):
        content = place.read_bytes()
    elif stat.S_ISLNK(status.st_mode):
        content = place.readlink()
    shared = (
        None if stat.S_ISDIR(status.st_mode) else first_names.setdefault(status.st_ino, str(place.relative_to(root)))
    )
    names = os.listxattr(place, follow_symlinks=False)
    return (
        stat.filemode(status.st_mode),
        (status.st_uid, status.st_gid),
        status.st_mtime_ns,
        status.st_rdev,
        content,
        shared,
        {name: os.getxattr(place, name, follow_symlinks=False) for name in names},
    )
