"""All writes for a container's limits, each in the language of the hierarchy that holds its controller."""

from __future__ import annotations

from runner.cgroups import plan_v1, plan_v2
from runner.cgroups.errors import CgroupControllerMissing
from runner.cgroups.hierarchies import Host
from runner.cgroups.resources import BlockIo, Cpu, Memory, Resources
from runner.cgroups.writes import Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.cgroups.writes import Current


def plan(resources: Resources, host: Host, current: Current) -> tuple[Write, ...]:
    """The writes, in their order.

    Raises:
        CgroupControllerMissing: the host has not got a controller that is needed.
        CgroupSettingUnsupported: the controller's version does not have a setting.
        CgroupResourcesInvalid: a limit is below what is in use, and that was to be looked at.
    """
    writes: list[Write] = []
    if resources.memory != Memory():
        memory = plan_v1.memory_writes if _version(host, "memory") == 1 else plan_v2.memory_writes
        writes += memory(resources.memory, current)
    if resources.cpu._replace(cpus=None, mems=None) != Cpu():
        cpu = plan_v1.cpu_writes if _version(host, "cpu") == 1 else plan_v2.cpu_writes
        writes += cpu(resources.cpu, current)
    if resources.cpu.cpus is not None or resources.cpu.mems is not None:
        cpuset = plan_v1.cpuset_writes if _version(host, "cpuset") == 1 else plan_v2.cpuset_writes
        writes += cpuset(resources.cpu)
    if resources.pids is not None:
        pids = plan_v1.pids_writes if _version(host, "pids") == 1 else plan_v2.pids_writes
        writes += pids(resources.pids)
    if resources.block_io != BlockIo():
        block_io = plan_v1.block_io_writes if _version(host, "blkio") == 1 else plan_v2.block_io_writes
        writes += block_io(resources.block_io, current)
    if resources.hugepages:
        hugepages = plan_v1.hugepage_writes if _version(host, "hugetlb") == 1 else plan_v2.hugepage_writes
        writes += hugepages(resources.hugepages)
    if resources.devices and not needs_device_filter(resources, host):
        writes += plan_v1.device_writes(resources.devices)
    return (*writes, *_unified(resources, host))


def needs_device_filter(resources: Resources, host: Host) -> bool:
    """Whether devices are to be restricted by a program, for version 2 has no files for them.

    Raises:
        CgroupControllerMissing: neither version can restrict them here.
    """
    if not resources.devices or host.find("devices") is not None:
        return False
    if host.unified is None:
        host.require("devices")
    return True


def _version(host: Host, controller: str) -> int:
    return host.require(controller).version


def _unified(resources: Resources, host: Host) -> tuple[Write, ...]:
    writes = tuple(plan_v2.unified_writes(resources.unified))
    for write in writes:
        unified = host.unified
        if unified is None:
            raise CgroupControllerMissing(
                write.controller, "no hierarchy of version 2 is mounted, which unified is for"
            )
        if write.controller != "cgroup" and host.require(write.controller) != unified:
            raise CgroupControllerMissing(
                write.controller, "it is not in the hierarchy of version 2, which unified is for"
            )
    return writes
