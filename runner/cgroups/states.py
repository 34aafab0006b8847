"""Stopping, letting go and ending all processes of a cgroup."""

from __future__ import annotations

import os

from runner.cgroups import waiting
from runner.cgroups.errors import CgroupControllerMissing, CgroupFailed
from runner.cgroups.folders import Folder
from runner.plain_signal import signal
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def freeze(folders: Iterable[Folder]) -> None:
    """Stop all processes; come back when they stand.

    Raises:
        CgroupControllerMissing: neither version has a freezer here.
        CgroupFailed: they do not stop in time.
    """
    folder = _freezer(folders)
    try:
        _stop(folder)
    except CgroupFailed:
        # Nobody is served by some that stand.
        _let_go(folder)
        raise


def thaw(folders: Iterable[Folder]) -> None:
    """Let all processes go on.

    Raises:
        CgroupControllerMissing: neither version has a freezer here.
    """
    _let_go(_freezer(folders))


def is_frozen(folders: Iterable[Folder]) -> bool:
    """Whether processes stand, or are about to; not where the cgroup is gone."""
    return any(_reads_frozen(folder) for folder in folders)


def send(folders: tuple[Folder, ...], number: int) -> None:
    """Send a signal to every process. One that is forked meanwhile is missed where not all can be stopped."""
    stood = is_frozen(folders)
    _try_to_stop(folders)
    for pid in set().union(*(folder.processes() for folder in folders)):
        with Suppressed(ProcessLookupError):
            os.kill(pid, number)
    if not stood:
        with Suppressed(CgroupControllerMissing):
            thaw(folders)


def kill(folders: tuple[Folder, ...]) -> None:
    """Send SIGKILL to every process, also those that are being forked and those that stand frozen."""
    for folder in folders:
        if folder.hierarchy.version == 2 and folder.has("cgroup.kill"):
            folder.write("cgroup.kill", "1")
            _thaw_v1(folders)
            return
    _kill_one_by_one(folders)


def _kill_one_by_one(folders: tuple[Folder, ...]) -> None:
    # While they stand, no process can fork away from the list, nor can a number be given to another.
    _try_to_stop(folders)
    for pid in set().union(*(folder.processes() for folder in folders)):
        with Suppressed(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    # A frozen process of version 1 dies when it goes on.
    with Suppressed(CgroupControllerMissing):
        thaw(folders)


def _reads_frozen(folder: Folder) -> bool:
    if folder.hierarchy.version == 2:
        return folder.read("cgroup.freeze") == "1"
    return "freezer" in folder.hierarchy.controllers and folder.read("freezer.state") in {"FROZEN", "FREEZING"}


def _try_to_stop(folders: Iterable[Folder]) -> None:
    # One that waits in the kernel, as for a file system that answers no more, cannot be stopped; but it can be killed.
    with Suppressed(CgroupControllerMissing, CgroupFailed):
        _stop(_freezer(folders))


def _stop(folder: Folder) -> None:
    if folder.hierarchy.version == 2:
        folder.write("cgroup.freeze", "1")
        waiting.until(lambda: "frozen 1" in (folder.read("cgroup.events") or ""), folder, "freezing")
    else:
        waiting.until(lambda: _frozen_v1(folder), folder, "freezing")


def _let_go(folder: Folder) -> None:
    if folder.hierarchy.version == 2:
        folder.write("cgroup.freeze", "0")
        waiting.until(lambda: "frozen 0" in (folder.read("cgroup.events") or ""), folder, "thawing")
    else:
        folder.write("freezer.state", "THAWED")


def _thaw_v1(folders: Iterable[Folder]) -> None:
    for folder in folders:
        if "freezer" in folder.hierarchy.controllers and folder.hierarchy.version == 1:
            folder.write("freezer.state", "THAWED")


def _frozen_v1(folder: Folder) -> bool:
    # Said again at each look: a process that forks may be missed by the first (freezer-subsystem.rst).
    folder.write("freezer.state", "FROZEN")
    return folder.read("freezer.state") == "FROZEN"


def _freezer(folders: Iterable[Folder]) -> Folder:
    found = {folder.hierarchy.version: folder for folder in folders if _can_freeze(folder)}
    if not found:
        raise CgroupControllerMissing("freezer", "the kernel is built without CONFIG_CGROUP_FREEZER, or older than 5.2")
    # Version 2 where it can be had: what stands frozen there can still be killed.
    return found[max(found)]


def _can_freeze(folder: Folder) -> bool:
    return folder.has("cgroup.freeze" if folder.hierarchy.version == 2 else "freezer.state")
