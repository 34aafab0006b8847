"""A new cgroup in each hierarchy: made, and ready to be limited; or not made at all."""

from __future__ import annotations

import errno

from runner.cgroups.errors import CgroupExists, CgroupFailed
from runner.cgroups.folders import Folder
from runner.cgroups.hierarchies import KERNEL_OPTIONS, Hierarchy, Host, controller_name
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def folders(host: Host, path: str) -> tuple[Folder, ...]:
    """Where a cgroup of this path is: in each hierarchy with a controller, and in the unified one even without.

    Hierarchies that have but a name belong to who named them, such as systemd: they are left alone.
    """
    return tuple(
        Folder(hierarchy, path) for hierarchy in host.hierarchies if hierarchy.version == 2 or hierarchy.controllers
    )


def make(wanted: tuple[Folder, ...], needed: frozenset[str], fill: Callable[[], None]) -> None:
    """Make the folders and those above them, and fill them; when either fails, remove again what was made.

    Args:
        wanted: the folders of one cgroup.
        needed: controllers of version 1's names without which the cgroup would be of no use.
        fill: writes into them.

    Raises:
        CgroupExists: one of them is there. Those above may be.
        CgroupFailed: the kernel refuses.
    """
    made: list[Folder] = []
    try:
        for folder in wanted:
            _make(folder, needed, made.append)
        fill()
    except BaseException:
        for folder in reversed(made):
            # The first error is the one to tell; what cannot be removed is empty, and found again by its path.
            with Suppressed(CgroupFailed):
                folder.remove()
        raise


def _make(folder: Folder, needed: frozenset[str], made: Callable[[Folder], None]) -> None:
    for level in folder.lineage():
        if folder.hierarchy.version == 2:
            _hand_down(level.parent(), needed)
        new = level.make()
        if new:
            made(level)
        elif level == folder:
            raise CgroupExists(folder.place)
        if folder.hierarchy.version == 1 and "cpuset" in folder.hierarchy.controllers:
            _inherit_cpuset(level)


def _inherit_cpuset(folder: Folder) -> None:
    # A new cpuset of version 1 is empty, and takes no process as long as it is (cpusets.rst, "Usage Examples").
    for file in ("cpuset.cpus", "cpuset.mems"):
        if not folder.read(file):
            folder.write(file, folder.parent().read(file) or "")


def _hand_down(above: Folder, needed: frozenset[str]) -> None:
    """Let the children of a cgroup of version 2 have all controllers that the runner knows; it must have the needed."""
    names = _known(above.hierarchy)
    available = set((above.read("cgroup.controllers") or "").split()) & names.keys()
    missing = available - set((above.read("cgroup.subtree_control") or "").split())
    for name in sorted(missing):
        # One by one: a controller that cannot be had, as the processor beside tasks in real time, spoils no other.
        try:
            above.write("cgroup.subtree_control", f"+{name}")
        except CgroupFailed as error:
            if names[name] not in needed:
                continue
            if error.cause.errno == errno.EBUSY:
                # cgroup-v2.rst, "No Internal Process Constraint".
                text = f"{name} cannot be given to cgroups in it while it has processes of its own"
                raise CgroupFailed(above.place, OSError(errno.EBUSY, text)) from error
            raise


def _known(hierarchy: Hierarchy) -> dict[str, str]:
    return {controller_name(name, hierarchy.version): name for name in KERNEL_OPTIONS}
