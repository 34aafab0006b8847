"""Removing trees of directories that somebody else has filled: never followed out of, and however deep."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove(parent: int, name: str | bytes) -> bool:
    """Remove what `name` is in the open directory `parent`, if anything; whether it was a directory.

    A directory goes with all that is in it. Two may do it at the same time.
    """
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return False
    except (IsADirectoryError, PermissionError):
        _remove_directory(parent, name)
        return True
    return False


def remove_path(path: str) -> None:
    """Remove what is at a path whose parent is nobody else's."""
    folder, _, name = path.rpartition("/")
    try:
        parent = os.open(folder or "/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        remove(parent, name)
    finally:
        os.close(parent)


def _remove_directory(parent: int, name: str | bytes) -> None:
    try:
        top = os.open(name, _DIRECTORY, dir_fd=parent)
    except FileNotFoundError:
        return
    try:
        while _remove_level(top):
            pass
    finally:
        os.close(top)
    try:
        os.rmdir(name, dir_fd=parent)
    except FileNotFoundError:
        return


def _remove_level(top: int) -> bool:
    """Empty the directories in the uppermost one; whether anything was there.

    What directories these have is first moved to the uppermost one: however deep the tree is, one descriptor suffices.
    """
    found = os.listdir(top)
    for name in found:
        if not _unlink(top, name):
            _empty(top, name)
    return bool(found)


def _empty(top: int, name: str | bytes) -> None:
    try:
        folder = os.open(name, _DIRECTORY, dir_fd=top)
    except FileNotFoundError:
        return
    try:
        for inner in os.listdir(folder):
            if not _unlink(folder, inner):
                _rename(folder, inner, top)
    finally:
        os.close(folder)
    try:
        os.rmdir(name, dir_fd=top)
    except FileNotFoundError:
        return


def _unlink(folder: int, name: str | bytes) -> bool:
    """Remove what is no directory; False where it is one."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return True
    except (IsADirectoryError, PermissionError):
        return False
    return True


def _rename(folder: int, name: str | bytes, top: int) -> None:
    try:
        os.rename(name, os.urandom(12).hex(), src_dir_fd=folder, dst_dir_fd=top)
    except FileNotFoundError:
        return
