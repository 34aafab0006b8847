"""Files of layouts that somebody else wrote: opened without following a link, and only if they are plain files."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from oci_spec.digest import Digest
from oci_spec.errors import ImageLayoutInvalid
from oci_spec.image_layout import INDEX_FILE, LAYOUT_FILE, digest_at
from storage_backends.layouts._blocking.tar_members import FileCursor, next_member, padded

# A pipe put where a file should be would otherwise hold the opener until somebody writes to it.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class Part:
    """`size` bytes of an open file, from `start` on."""

    descriptor: int
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class ArchivedFiles:
    """Where in an archive the files of a layout are."""

    files: dict[str, Part]
    blobs: dict[Digest, Part]


def open_root(source: Path | int) -> int:
    """A descriptor of what stands at a path, links to which are followed, or is open already."""
    return os.dup(source) if isinstance(source, int) else os.open(source, os.O_RDONLY)


def is_folder(descriptor: int) -> bool:
    """Whether an open descriptor is that of a folder."""
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


def is_file(descriptor: int) -> bool:
    """Whether an open descriptor is that of a plain file, which can be read from any place."""
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


def open_beneath(root: int, path: str) -> Part | None:
    """The file at `path`, relative to the folder `root`, open; None if there is none."""
    *folders, name = path.split("/")
    parent = os.dup(root)
    try:
        for folder in folders:
            inner = os.open(folder, _FLAGS | os.O_DIRECTORY, dir_fd=parent)
            os.close(parent)
            parent = inner
        descriptor = os.open(name, _FLAGS, dir_fd=parent)
    except FileNotFoundError:
        return None
    except OSError as error:
        # A link in a folder's place is told as ENOTDIR.
        if error.errno in {errno.ELOOP, errno.ENOTDIR, errno.ENXIO}:
            raise ImageLayoutInvalid(f"{path} is a link or another thing that no layout may have") from None
        raise
    finally:
        os.close(parent)
    if not is_file(descriptor):
        os.close(descriptor)
        raise ImageLayoutInvalid(f"{path} is not a plain file")
    return Part(descriptor, 0, os.fstat(descriptor).st_size)


def archived_files(descriptor: int, max_members: int) -> ArchivedFiles:
    """Where the layout's files are in the archive that the open file `descriptor` is; nothing of them is read.

    Raises:
        ImageLayoutInvalid: it is no archive or not a whole one, or has more than `max_members` members.
    """
    total = os.fstat(descriptor).st_size
    cursor, found = FileCursor(descriptor, total), ArchivedFiles({}, {})
    for _ in range(max_members):
        member = next_member(cursor)
        if member is None:
            return found
        part = Part(descriptor, cursor.position, member.size)
        cursor.skip(padded(member.size))
        digest = digest_at(member.name)
        if digest is None and member.name not in {LAYOUT_FILE, INDEX_FILE}:
            continue
        if not member.is_file:
            raise ImageLayoutInvalid(f"{member.name} in the archive is a link or another thing that no layout may have")
        if part.start + part.size > total:
            raise ImageLayoutInvalid("the archive is cut short")
        if digest is not None:
            found.blobs[digest] = part
        elif member.name in found.files:
            # Two readers could take different ones.
            raise ImageLayoutInvalid(f"{member.name} is in the archive twice")
        else:
            found.files[member.name] = part
    raise ImageLayoutInvalid(f"the archive has more than {max_members} members")
