"""Waiting until the machine is at rest: who has been measured may have left something to be done after its end."""

from __future__ import annotations

import time
from pathlib import Path

_BETWEEN_S = 0.005
_LOOKS = 6
_ITSELF = 1
_MOST_S = 1.0


def wait_for_rest(most_s: float = _MOST_S) -> bool:
    """Wait until nothing has run or waited for a disk at several looks in a row; False where that takes too long.

    Args:
        most_s: how long to wait, in seconds.
    """
    deadline = time.monotonic() + most_s
    quiet = 0
    while quiet < _LOOKS:
        if time.monotonic() > deadline:
            return False
        time.sleep(_BETWEEN_S)
        quiet = quiet + 1 if _busy_processes() <= _ITSELF else 0
    return True


def _busy_processes() -> int:
    """Those that run, or wait for a processor or a disk (proc_stat(5))."""
    counts = dict(line.split()[:2] for line in Path("/proc/stat").read_text().splitlines())
    return int(counts["procs_running"]) + int(counts["procs_blocked"])
