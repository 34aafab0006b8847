"""Processes that cannot be mistaken for others: by their number, and when they began."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_STATE_FIELD: Final = 0
_START_FIELD: Final = 19


def start_time(pid: int) -> int:
    """The tick since boot at which a process began.

    Raises:
        OSError: there is none.
    """
    return int(_fields(pid)[_START_FIELD])


def is_alive(pid: int, started: int) -> bool:
    """Whether the process of this number that began at this tick still runs; a zombie does not."""
    try:
        fields = _fields(pid)
    except OSError:
        return False
    return int(fields[_START_FIELD]) == started and fields[_STATE_FIELD] not in {"Z", "X"}


def _fields(pid: int) -> list[str]:
    descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = os.read(descriptor, 4096).decode("utf-8", "backslashreplace")
    finally:
        os.close(descriptor)
    # The name in parentheses may hold anything.
    return text.rpartition(")")[2].split()
