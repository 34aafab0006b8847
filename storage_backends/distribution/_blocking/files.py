"""Folders and files, where any of them may be missing."""

from __future__ import annotations

import os
from pathlib import Path


def names(path: Path) -> list[str]:
    """What stands in a folder, in order; nothing where there is none."""
    try:
        return sorted(entry.name for entry in path.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def content(path: Path, limit: int) -> bytes | None:
    """The first `limit` bytes of a file; None if there is none."""
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(limit)
    except (FileNotFoundError, NotADirectoryError):
        return None


def size(path: Path) -> int | None:
    """The size of a file; None if there is none."""
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return None


def opened(path: Path) -> int:
    """A descriptor to read from."""
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
