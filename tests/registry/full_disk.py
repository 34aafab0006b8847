"""Small disks of a test's own, which it fills."""

from __future__ import annotations

import errno
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(mountpoint: Path, size_mib: int = 4) -> Iterator[Path]:
    """A file system of a few MiB, mounted for as long as the context lasts; needs root's rights."""
    mountpoint.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", str(mountpoint)], check=True)
    try:
        yield mountpoint
    finally:
        unmount(mountpoint)


def unmount(mountpoint: Path) -> None:
    """Take a file system of a test away; that somebody still uses it is a fault, but it does not stay mounted."""
    if subprocess.run(["umount", str(mountpoint)], check=False).returncode != 0:
        subprocess.run(["umount", "--lazy", str(mountpoint)], check=True)
        raise AssertionError(f"{mountpoint} was still used at the end")


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """No room on `disk` when the context begins; what took it is gone in the end."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    try:
        yield
    finally:
        filler.unlink()


def copied_database(file: Path, disk: Path) -> str:
    """Put a copy of a migrated SQLite file on `disk`; its URL."""
    target = disk / "registry.db"
    shutil.copyfile(file, target)
    return f"sqlite:///{target}"
