"""Which names stand in which folders: made, listed, put in place and removed, each to the disk."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from storage_backends.contract import StoredObject
from storage_backends.filesystem.layout import Layout, blob_prefixes, is_blob_key, is_upload_key

FOLDER_MODE = 0o750
"""What a new folder may be used for: its owner's programs change it, a group may read it, for backups."""

# Index objects are written within seconds: what is older was left by a process that died.
_STALE_S = 3600


class DurableFolders:
    """Folders that blobs are put into, remembered once they are known to be on the disk.

    That a folder is there does not say so: another process may have made it just now and not have synced it yet.
    """

    def __init__(self) -> None:
        self._durable: set[Path] = set()

    def ensure(self, folder: Path) -> None:
        """See to it that `folder` is there and stays; its parent is. Only the first time it is looked at."""
        if folder not in self._durable:
            with suppress(FileExistsError):
                folder.mkdir(FOLDER_MODE)
            sync_folder(folder.parent)
            self._durable.add(folder)

    def renew(self, folder: Path) -> bool:
        """See to it again that `folder` is there; False if it was."""
        if folder.is_dir():
            return False
        self._durable.discard(folder)
        self.ensure(folder)
        return True


def prepare(layout: Layout) -> None:
    """Make the folders that are missing, and remove what dead processes left in `tmp/`."""
    missing = [folder for folder in layout.folders() if not folder.is_dir()]
    for folder in missing:
        # Other processes may be starting beside this one.
        folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    for parent in {folder.parent for folder in missing}:
        sync_folder(parent)
    oldest = time.time() - _STALE_S
    for path in layout.tmp.iterdir():
        with suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def list_blobs(blobs: Path, prefix: str) -> list[StoredObject]:
    """The blobs in the folder `prefix` below `blobs`; none, if it is not there or no folder."""
    found = []
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(blobs / prefix) as entries:
        for entry in entries:
            key = prefix + entry.name
            # What is deleted between the two looks is not listed; what others put there is none of ours.
            with suppress(FileNotFoundError):
                if is_blob_key(key):
                    found.append(StoredObject(key, entry.stat(follow_symlinks=False).st_size))
    return found


def find_blob_of(blobs: Path, upload_key: str) -> Path | None:
    """The blob that the upload was committed as, None if there is none; looks through all folders of blobs."""
    for prefix in blob_prefixes():
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(blobs / prefix) as entries:
            for entry in entries:
                if entry.name.endswith(f".{upload_key}"):
                    return Path(entry.path)
    return None


def list_uploads(folder: Path) -> list[tuple[str, datetime]]:
    """The uploads in `folder`, and when each was last written to."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if is_upload_key(entry.name):
                    modified = entry.stat(follow_symlinks=False).st_mtime
                    found.append((entry.name, datetime.fromtimestamp(modified, UTC)))
    return found


def list_folder(folder: Path) -> tuple[list[str], list[str]]:
    """The names of the files and of the folders in `folder`; neither, if it is none."""
    files: list[str] = []
    folders: list[str] = []
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            (folders if entry.is_dir(follow_symlinks=False) else files).append(entry.name)
    return files, folders


def sync_folder(folder: Path) -> None:
    """See to the disk which names stand in `folder`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
