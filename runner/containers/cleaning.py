"""Taking away what a run has needed: processes, cgroups, addresses and ports, and what its directory of the run holds.

Whoever was killed at whatever moment, this can be repeated until nothing is left.
"""

from __future__ import annotations

import os

from runner import trees
from runner.cgroups import group, hierarchies
from runner.cgroups.folders import Folder
from runner.containers import runtimes
from runner.containers.settings import BRIDGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.cgroups.group import Cgroup
    from runner.cgroups.hierarchies import Host
    from runner.containers.folders import Folders, Place
    from runner.containers.settings import Settings


def cgroup(place: Place, host: Host | None = None) -> Cgroup:
    """The container's cgroup, in every hierarchy that is mounted, or was when it was made; be it there or not."""
    return group.find(host or hierarchies.detect(), place.cgroup)


def clean(folders: Folders, place: Place, settings: Settings) -> None:
    """Take everything away; the caller holds what keeps others from starting the container.

    Raises:
        RunnerError: something cannot be taken away; it is left to the next time.
    """
    runtimes.of(folders, place, settings.runtime).delete()
    own = cgroup(place)
    if any(map(os.path.isdir, (folder.place for folder in own.folders))):
        own.kill()
        own.delete()
    if settings.runtime is not None:
        _leave_named(place)
    disconnect(folders, place, settings)
    trees.remove_path(place.passing)


def _leave_named(place: Place) -> None:
    """Remove it from hierarchies without a controller, such as systemd's: runc is there, too, and may have gone."""
    for hierarchy in hierarchies.detect().hierarchies:
        if hierarchy.version == 1 and not hierarchy.controllers:
            Folder(hierarchy, place.cgroup).remove()


def disconnect(folders: Folders, place: Place, settings: Settings) -> None:
    """Give back its addresses and ports.

    Raises:
        RunnerError: the firewall does not do its part.
    """
    if settings.network.mode == BRIDGE and os.path.isdir(folders.network):
        from runner.network.networks import Networks

        Networks(folders.network).detach(place.container)
