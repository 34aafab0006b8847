"""Index objects: put in their places and removed, each to the disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from storage_backends.errors import ObjectNameInvalid
from storage_backends.filesystem._blocking.folders import FOLDER_MODE, sync_folder
from storage_backends.filesystem._blocking.writing import FILE_MODE, begin_writing_back, write_all

# link(2): the filesystem has no hard links, or a file no room for another.
_NO_MORE_NAMES = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


@dataclass(frozen=True, slots=True)
class ObjectWrite:
    """What an object is to be: its name, place and content, and the file that nobody else writes it to first."""

    name: str
    target: Path
    temporary: Path
    content: bytes


def put(writes: Sequence[ObjectWrite]) -> None:
    """Put objects in their places, durably; when that fails, some of them may be there.

    The disk is given all contents before any is waited for, and a folder is synced once for all names in it. Objects
    that say the same are names of one file, which is never written again: most of what is put together does.
    """
    try:
        _write_contents(writes)
        for write in writes:
            _publish(write)
    except BaseException:
        for write in writes:
            write.temporary.unlink(missing_ok=True)
        raise
    for folder in {write.target.parent for write in writes}:
        # An object may have been removed again, and its folder with it.
        with suppress(FileNotFoundError):
            sync_folder(folder)


def remove(target: Path, index: Path) -> None:
    """Remove an index object if it is there, durably, and the folders that are empty without it."""
    try:
        target.unlink()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return
    folder = target.parent
    # Whoever removed the folder's last object may have taken the folder away by now.
    with suppress(FileNotFoundError):
        sync_folder(folder)
    with suppress(OSError):
        while folder != index:
            folder.rmdir()
            folder = folder.parent


def _write_contents(writes: Sequence[ObjectWrite]) -> None:
    files: dict[bytes, Path] = {}
    with ExitStack() as stack:
        descriptors = []
        for write in writes:
            same = files.setdefault(write.content, write.temporary)
            if same is not write.temporary and _is_linked(same, write.temporary):
                continue
            descriptor = os.open(write.temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
            stack.callback(os.close, descriptor)
            write_all(descriptor, [write.content], 0)
            begin_writing_back(descriptor, 0, len(write.content))
            descriptors.append(descriptor)
        for descriptor in descriptors:
            os.fdatasync(descriptor)


def _is_linked(file: Path, name: Path) -> bool:
    """Give a file one more name, if its filesystem can do that."""
    try:
        name.hardlink_to(file)
    except OSError as error:
        if error.errno in _NO_MORE_NAMES:
            return False
        raise
    return True


def _publish(write: ObjectWrite) -> None:
    while True:
        try:
            write.temporary.rename(write.target)
        except FileNotFoundError:
            if not write.temporary.exists():
                raise
        except (IsADirectoryError, NotADirectoryError):
            raise ObjectNameInvalid(write.name) from None
        else:
            return
        try:
            _make_folder(write.target.parent)
        except FileNotFoundError:
            # A removal beside this one took a folder above away while it was empty.
            continue
        except (FileExistsError, NotADirectoryError):
            raise ObjectNameInvalid(write.name) from None


def _make_folder(folder: Path) -> None:
    """Make a folder and its parents, durably, where they are missing."""
    try:
        folder.mkdir(FOLDER_MODE)
    except FileExistsError:
        if folder.is_file():
            raise
        return
    except FileNotFoundError:
        _make_folder(folder.parent)
        folder.mkdir(FOLDER_MODE, exist_ok=True)
    sync_folder(folder.parent)
