"""Waiting for what the kernel does in its own time, with an end to it."""

from __future__ import annotations

import errno
import os
import select
import time

from runner.cgroups.errors import CgroupFailed
from runner.cgroups.folders import Folder
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TIMEOUT_S = 10.0
"""Far beyond what a kernel needs to stop or bury processes, unless their disk hangs."""

_FIRST_PAUSE_S = 0.0005
_LONGEST_PAUSE_S = 0.02


def until(reached: Callable[[], bool], folder: Folder, what: str, wait: Callable[[float], None] = time.sleep) -> None:
    """Come back when the condition holds. `wait` is called between looks, with the most seconds it should take.

    Raises:
        CgroupFailed: it did not within TIMEOUT_S.
    """
    deadline = time.monotonic() + TIMEOUT_S
    pause = _FIRST_PAUSE_S
    while not reached():
        if time.monotonic() > deadline:
            raise CgroupFailed(folder.place, OSError(errno.ETIMEDOUT, f"{what} took more than {TIMEOUT_S:.0f} s"))
        wait(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)


def exits(pids: Iterable[int], timeout_s: float) -> None:
    """Wait until one of these processes exits; not at all where there is none."""
    poll = select.poll()
    descriptors = []
    try:
        for pid in pids:
            with Suppressed(OSError):
                descriptors.append(os.pidfd_open(pid))
                poll.register(descriptors[-1], select.POLLIN)
        poll.poll(timeout_s * 1000)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
