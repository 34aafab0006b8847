"""What a container is doing, asked of the kernel: it stays true whoever was killed in between."""

from __future__ import annotations

import errno
import os

from runner.cgroups import group, hierarchies
from runner.oci.containers import Container, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

CREATING: Final = "creating"
CREATED: Final = "created"
RUNNING: Final = "running"
PAUSED: Final = "paused"
STOPPED: Final = "stopped"

_STATE_FIELD: Final = 0
_START_FIELD: Final = 19


def status(container: Container, state: State) -> str:
    """One of the specification's words ("State"), or `paused`, which engines know besides."""
    if not state.pid:
        return CREATING if is_alive(state.maker, state.maker_started) else STOPPED
    if not is_alive(state.pid, state.started):
        return STOPPED
    if group.find(hierarchies.detect(), state.cgroup).is_frozen():
        return PAUSED
    return CREATED if _waits(container.fifo) else RUNNING


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


def _waits(fifo: str) -> bool:
    """Whether the first process has the FIFO open: it does until it executes the container's program."""
    try:
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        if error.errno in {errno.ENXIO, errno.ENOENT}:
            return False
        raise
    return True


def _fields(pid: int) -> list[str]:
    descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = os.read(descriptor, 4096).decode("utf-8", "backslashreplace")
    finally:
        os.close(descriptor)
    # The name in parentheses may hold anything.
    return text.rpartition(")")[2].split()
