"""Locks that a killed process gives back (flock(2)): of a file, a directory, or whatever bears a name."""

from __future__ import annotations

import fcntl
import os


class Held:
    """Within it, the lock of the file at `path` is held; the file is made when it is not there."""

    __slots__ = ("_descriptor", "_path")

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> None:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        except BaseException:
            os.close(self._descriptor)
            raise

    def __exit__(self, *_error: object) -> None:
        os.close(self._descriptor)


def claimed(path: str, flags: int) -> int | None:
    """A descriptor of what is at `path`, opened with `flags` and locked; None while somebody else has it.

    The lock lasts until all copies of the descriptor are closed, those that other processes were given too.

    Raises:
        FileNotFoundError: nothing is there, and `flags` do not make it.
    """
    while True:
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, path):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        # It was renamed or removed by who had the lock before.
        os.close(descriptor)


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False
