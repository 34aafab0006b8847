"""Whether a directory can be used by several hosts: what sessions rely on is tried, and how it is mounted looked at.

It blocks, and is asked once, before anything is served.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import struct
from pathlib import Path
from typing import Final

_MOUNTS: Final = Path("/proc/self/mountinfo")
# Of NFS: locks that no other host learns of.
_LOCAL_LOCKS: Final = frozenset({"nolock", "local_lock=all", "local_lock=posix"})


class NotShareable(Exception):
    """Several hosts cannot use the directory, for `reason`."""

    def __init__(self, root: Path, reason: str) -> None:
        super().__init__(f"{root}: {reason}")
        self.root, self.reason = root, reason


def require_shareable(root: Path) -> None:
    """Return when several hosts can use the directory `root`, as far as that can be seen from one of them.

    Raises:
        NotShareable: they cannot, or nothing can be written there.
    """
    if local := _LOCAL_LOCKS & _mount_options(root):
        raise NotShareable(
            root, f"it is mounted with `{', '.join(sorted(local))}`, so that locks hold on one host only"
        )
    file = root / f".probe-{secrets.token_hex(8)}"
    try:
        _require_locks(root, file)
    except OSError as error:
        raise NotShareable(root, f"files there cannot be written, locked and renamed: {error.strerror}") from error
    finally:
        file.unlink(missing_ok=True)


def _require_locks(root: Path, file: Path) -> None:
    first = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640)
    try:
        os.write(first, b"probe")
        os.fsync(first)
        file.rename(renamed := file.with_suffix(".renamed"))
        renamed.rename(file)
        second = os.open(file, os.O_RDWR)
        try:
            _lock(first)
            try:
                _lock(second)
            except BlockingIOError:
                return
            raise NotShareable(root, "its file system has no locks: two sessions could hold one upload")
        finally:
            os.close(second)
    finally:
        os.close(first)


def _lock(descriptor: int) -> None:
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0))


def _mount_options(root: Path) -> frozenset[str]:
    """The options of the file system on which `root` stands."""
    best, options = Path("/"), frozenset[str]()
    for line in _MOUNTS.read_text().splitlines():
        fields = line.split(" ")
        place = Path(fields[4].encode().decode("unicode_escape"))
        if root.is_relative_to(place) and place.is_relative_to(best):
            best, options = place, frozenset(fields[-1].split(",")) | frozenset(fields[5].split(","))
    return options
