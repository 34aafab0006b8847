"""What a container is doing, asked of the kernel: it stays true whoever was killed in between."""

from __future__ import annotations

import errno
import os

from runner.cgroups import group, hierarchies
from runner.oci.containers import Container, State
from runner.oci.processes import is_alive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

CREATING: Final = "creating"
CREATED: Final = "created"
RUNNING: Final = "running"
PAUSED: Final = "paused"
STOPPED: Final = "stopped"


def status(container: Container, state: State) -> str:
    """One of the specification's words ("State"), or `paused`, which engines know besides."""
    if not state.pid:
        return CREATING if is_alive(state.maker, state.maker_started) else STOPPED
    if not is_alive(state.pid, state.started):
        return STOPPED
    if group.find(hierarchies.detect(), state.cgroup).is_frozen():
        return PAUSED
    return CREATED if _waits(container.fifo) else RUNNING


def state_for_hooks(state: State, word: str) -> dict[str, object]:
    """What hooks are told ("State"), and what the command `state` prints."""
    told: dict[str, object] = {
        "ociVersion": state.version,
        "id": state.container,
        "status": word,
        "pid": state.pid,
        "bundle": state.bundle,
        "annotations": state.annotations,
    }
    if word == STOPPED:
        told["pid"] = 0
    return told


def _waits(fifo: str) -> bool:
    """Whether the first process has the FIFO open: it does until it executes the container's program."""
    try:
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        if error.errno in {errno.ENXIO, errno.ENOENT}:
            return False
        raise
    return True
