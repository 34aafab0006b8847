"""What the host is, as far as a bundle depends on it: looked at once, so that all else is plain functions."""

from __future__ import annotations

import os

from runner.cgroups import hierarchies
from runner.oci.kernel import tasks
from runner.oci.spec.capability_names import NAMES
from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.cgroups.hierarchies import Host


class Facts(Record):
    """One host."""

    machine: str
    """As `os.uname().machine`."""
    kernel: str
    """As `os.uname().release`."""
    hostname: str
    processors: int
    capabilities: tuple[str, ...]
    """Those that this process can give on, by their names, in the order of their numbers."""
    cgroups: Host
    swap_is_limited: bool
    """Whether memory and swap together can be limited."""
    disks_have_weights: bool


def look() -> Facts:
    """The facts of this host.

    Raises:
        CgroupFailed: /proc is not there.
    """
    system = os.uname()
    host = hierarchies.detect()
    bounding = tasks.bounding_set()
    return Facts(
        machine=system.machine,
        kernel=system.release,
        hostname=system.nodename,
        processors=os.cpu_count() or 1,
        capabilities=tuple(name for number, name in enumerate(NAMES) if number in bounding),
        cgroups=host,
        swap_is_limited=_has(host, "memory", ("memory.memsw.limit_in_bytes",), os.path.exists("/proc/swaps")),
        # BFQ has no weight at the root, where only its statistics tell that it is there.
        disks_have_weights=_has(host, "blkio", ("blkio.bfq.io_service_bytes", "blkio.weight"), True),
    )


def _has(host: Host, controller: str, files: tuple[str, ...], in_version_2: bool) -> bool:
    """Whether a controller of version 1 has one of the files; in version 2, the root has none of them to look at."""
    hierarchy = host.find(controller)
    if hierarchy is None:
        return False
    if hierarchy.version == 2:
        return in_version_2
    return any(os.path.exists(f"{hierarchy.mount}/{file}") for file in files)
