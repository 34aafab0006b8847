"""Which cgroup hierarchies this host has, and which of them holds each controller.

There is no one mode to ask for: a host may have the memory controller in a hierarchy of version 1 and hugetlb in the
unified one (cgroups(7), "Cgroups version 2"). So each controller is looked up on its own; `Host.mode` is for people.
"""

from __future__ import annotations

from runner import text_files
from runner.cgroups.errors import CgroupControllerMissing, CgroupFailed
from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KERNEL_OPTIONS: Mapping[str, str] = {
    "blkio": "CONFIG_BLK_CGROUP",
    "cpu": "CONFIG_CGROUP_SCHED",
    "cpuacct": "CONFIG_CGROUP_CPUACCT",
    "cpuset": "CONFIG_CPUSETS",
    "devices": "CONFIG_CGROUP_DEVICE",
    "freezer": "CONFIG_CGROUP_FREEZER",
    "hugetlb": "CONFIG_CGROUP_HUGETLB",
    "memory": "CONFIG_MEMCG",
    "pids": "CONFIG_CGROUP_PIDS",
}
"""What the kernel must be built with for each controller, under version 1's names."""


class Hierarchy(Record):
    """One mounted hierarchy."""

    mount: str
    """Where it is mounted; the first of several places."""

    version: int
    """1, or 2 for the unified hierarchy."""

    controllers: frozenset[str]
    """Under this version's names: `blkio` of version 1 is `io` of version 2. A hierarchy with a name has none."""


class Host(Record):
    """The hierarchies that are mounted, and what the kernel says of its controllers."""

    hierarchies: tuple[Hierarchy, ...]
    enabled: Mapping[str, bool]
    """The kernel's own list, /proc/cgroups: False where the command line of the kernel switched one off."""

    @property
    def unified(self) -> Hierarchy | None:
        """The hierarchy of version 2, if it is mounted."""
        return next((hierarchy for hierarchy in self.hierarchies if hierarchy.version == 2), None)

    @property
    def mode(self) -> str:
        """`v1`, `v2`, `hybrid` where both versions are mounted, or `none`."""
        versions = {
            hierarchy.version for hierarchy in self.hierarchies if hierarchy.version == 2 or hierarchy.controllers
        }
        return {(): "none", (1,): "v1", (2,): "v2"}.get(tuple(versions), "hybrid")

    def find(self, controller: str) -> Hierarchy | None:
        """The hierarchy that holds a controller of version 1's name, or None."""
        for hierarchy in self.hierarchies:
            if controller_name(controller, hierarchy.version) in hierarchy.controllers:
                return hierarchy
        return None

    def require(self, controller: str) -> Hierarchy:
        """The hierarchy that holds a controller of version 1's name.

        Raises:
            CgroupControllerMissing: there is none; it says what has to be done.
        """
        found = self.find(controller)
        if found is None:
            raise CgroupControllerMissing(controller, self._why_missing(controller))
        return found

    def _why_missing(self, controller: str) -> str:
        option = KERNEL_OPTIONS.get(controller)
        if self.enabled.get(controller) is False:
            return f"it is switched off on the kernel's command line (cgroup_disable={controller})"
        if self.enabled.get(controller):
            return "the kernel has it, but it is in no hierarchy that is mounted here"
        return f"the kernel is built without {option}" if option else "the kernel does not know it"


def controller_name(controller: str, version: int) -> str:
    """What a controller of version 1's name is called in this version."""
    return "io" if version == 2 and controller == "blkio" else controller


def detect() -> Host:
    """Look at what this process sees mounted.

    Raises:
        CgroupFailed: /proc is not there, or not readable.
    """
    return parse(_read("/proc/self/mountinfo"), _read("/proc/cgroups"), controllers_of=_unified_controllers)


def parse(mountinfo: str, cgroups: str, *, controllers_of: Callable[[str], str]) -> Host:
    """The host that these texts describe.

    Args:
        mountinfo: /proc/self/mountinfo (proc_pid_mountinfo(5)).
        cgroups: /proc/cgroups (cgroups(7), "/proc files").
        controllers_of: gives `cgroup.controllers` at the root of a mounted unified hierarchy.
    """
    enabled = _parse_enabled(cgroups)
    found: list[Hierarchy] = []
    seen: set[tuple[int, frozenset[str]]] = set()
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, system = before.split(" "), after.split(" ")
        if len(fields) < 6 or len(system) < 3 or system[0] not in {"cgroup", "cgroup2"}:
            continue
        mount = _unescape(fields[4])
        version = 2 if system[0] == "cgroup2" else 1
        named = frozenset(system[2].split(",")) & (enabled.keys() | KERNEL_OPTIONS.keys())
        key = (version, named if version == 1 else frozenset[str]())
        if key in seen:
            # It is there already; and other places that it is mounted at may be hidden beneath something else.
            continue
        seen.add(key)
        found.append(Hierarchy(mount, version, frozenset(controllers_of(mount).split()) if version == 2 else named))
    return Host(tuple(found), enabled)


def _parse_enabled(text: str) -> dict[str, bool]:
    rows = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {row[0]: row[3] == "1" for row in rows if len(row) == 4}


def _unescape(text: str) -> str:
    """Undo the octal escapes of mountinfo."""
    for character in " \t\n\\":
        text = text.replace(f"\\{ord(character):03o}", character)
    return text


def _unified_controllers(mount: str) -> str:
    return _read(f"{mount}/cgroup.controllers")


def _read(path: str) -> str:
    try:
        return text_files.read(path)
    except OSError as error:
        raise CgroupFailed(path, error) from error
