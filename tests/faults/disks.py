"""Disks of a test's own that can be made to fail: a file system in a file, as a real one is on a partition."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.registry.full_disk import unmount
from tests.requirements import require_tool

_SIZE = 64 << 20


@dataclass(frozen=True)
class Disk:
    """A mounted ext4."""

    path: Path
    device: str

    def fail(self) -> None:
        """Let the kernel find the file system damaged: as most are mounted, it takes no writes from then on."""
        Path(f"/sys/fs/ext4/{self.device}/trigger_fs_error").write_text("a test")

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Let no write end while the block runs, as a disk does whose cable is loose or whose server is away."""
        _run("fsfreeze", "--freeze", str(self.path))
        try:
            yield
        finally:
            _run("fsfreeze", "--unfreeze", str(self.path))


@contextmanager
def ext4_disk(mountpoint: Path) -> Iterator[Disk]:
    """A disk of its own, mounted while the block runs; needs root's rights."""
    require_tool("mkfs.ext4")
    image = mountpoint.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(_SIZE)
    _run("mkfs.ext4", "-q", str(image))
    mountpoint.mkdir()
    _run("mount", "-o", "loop,errors=remount-ro", str(image), str(mountpoint))
    try:
        found = subprocess.run(
            ["findmnt", "-no", "SOURCE", str(mountpoint)], check=True, capture_output=True, text=True
        )
        yield Disk(mountpoint, Path(found.stdout.strip()).name)
    finally:
        unmount(mountpoint)
        image.unlink()


@contextmanager
def refusing_writes(*files: Path) -> Iterator[None]:
    """Let the kernel refuse every change of these files, however they were opened, while the block runs."""
    _run("chattr", "+i", *map(str, files))
    try:
        yield
    finally:
        _run("chattr", "-i", *map(str, files))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
