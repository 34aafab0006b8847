"""Clearing away what those have left behind that were killed: monitors, and command lines at whatever they did.

Every command begins with it, but `exec`, which does it while it waits. Most find nothing: only who finds something
loads what clears it away (`settling`).
"""

from __future__ import annotations

import os

from runner.containers import liveness
from runner.containers.folders import GONE, NEW
from runner.errors import RunnerError
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.containers.folders import Folders


def sweep(folders: Folders) -> None:
    """Clear away all that belongs to nobody any more. What somebody has in hands is left alone; it may be repeated."""
    names = _listed(folders.passing)
    lasting = _listed(folders.containers) or []
    # The first command since the machine was started: of no container is told there that it ran.
    first = names is None and bool(lasting)
    for name in lasting if first else names or []:
        if name.startswith((NEW, GONE)):
            continue
        place = folders.place(name)
        if liveness.monitor_of(place) is None:
            from runner.containers import settling

            with Suppressed(RunnerError, OSError):
                settling.sweep_one(folders, place)
    half = [name for name in lasting if name.startswith((NEW, GONE))]
    if half:
        from runner.containers import settling

        settling.finish_all(folders, half)
    if first:
        # Last, so that the next one begins anew if this is killed before.
        folders.make()


def _listed(folder: str) -> list[str] | None:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return None
