"""Limits as writes into the unified hierarchy, in an order that the kernel takes.

The runtime specification speaks version 1's language; how its numbers become those of version 2 is said by each
function. Source: the kernel's admin-guide/cgroup-v2.rst, "Controllers".
"""

from __future__ import annotations

from runner.cgroups.errors import CgroupResourcesInvalid, CgroupSettingUnsupported
from runner.cgroups.resources import BlockIo, Cpu, HugepageLimit, Memory
from runner.cgroups.writes import Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.cgroups.writes import Current

_DEFAULT_PERIOD_US = 100_000
_VERSION = "version 2 of cgroups has no such setting"


def memory_writes(memory: Memory, current: Current) -> Iterator[Write]:
    """The writes for memory and swap.

    Raises:
        CgroupSettingUnsupported: swappiness and the OOM killer are no matters of a cgroup in version 2.
        CgroupResourcesInvalid: the limit is below what is in use, and that was to be looked at.
    """
    if memory.disable_oom_killer:
        raise CgroupSettingUnsupported("memory.disableOOMKiller", _VERSION)
    if memory.swappiness is not None:
        raise CgroupSettingUnsupported("memory.swappiness", _VERSION)
    if memory.check_before_update and memory.limit is not None and memory.limit > 0:
        used = current("memory", "memory.current")
        if used is not None and int(used) > memory.limit:
            raise CgroupResourcesInvalid(f"memory.limit: {used} bytes are in use now")
    if (swap := swap_alone(memory)) is not None:
        yield Write("memory", "memory.swap.max", _maximum(swap), "CONFIG_SWAP")
    if memory.limit is not None:
        yield Write("memory", "memory.max", _maximum(memory.limit))
    if memory.reservation is not None:
        yield Write("memory", "memory.low", _maximum(memory.reservation))


def swap_alone(memory: Memory) -> int | None:
    """Bytes of swap without memory, -1 for no limit: version 2 counts the two apart."""
    if memory.swap is None:
        return -1 if memory.limit == -1 else None
    if memory.swap == -1:
        return -1
    assert memory.limit is not None, "a parsed limit of both comes with one of memory"
    return memory.swap - memory.limit


def cpu_writes(cpu: Cpu, current: Current) -> Iterator[Write]:
    """The writes for the processor's time.

    Raises:
        CgroupSettingUnsupported: there is no share of real time in version 2.
    """
    if cpu.realtime_runtime is not None or cpu.realtime_period is not None:
        raise CgroupSettingUnsupported("cpu.realtimeRuntime", _VERSION)
    if cpu.shares is not None:
        yield Write("cpu", "cpu.weight", str(weight_of_shares(cpu.shares)))
    bandwidth = []
    if cpu.quota is not None or cpu.period is not None:
        bandwidth.append(Write("cpu", "cpu.max", _bandwidth(cpu, current), "CONFIG_CFS_BANDWIDTH"))
    if cpu.burst is not None:
        # Never more than the quota: what shrinks goes first, what grows goes last.
        shrinks = cpu.burst <= int(current("cpu", "cpu.max.burst") or 0)
        burst = Write("cpu", "cpu.max.burst", str(cpu.burst), "CONFIG_CFS_BANDWIDTH, Linux 5.14")
        bandwidth.insert(0 if shrinks else len(bandwidth), burst)
    yield from bandwidth
    if cpu.idle is not None:
        yield Write("cpu", "cpu.idle", str(cpu.idle), "Linux 5.15")


def weight_of_shares(shares: int) -> int:
    """The weight, 1 to 10000, of version 1's shares, 2 to 262144.

    Smallest, default and largest fall on smallest, default and largest: 2 on 1, 1024 on 100, 262144 on 10000. Between
    them a curve through the three, quadratic in the logarithms: the straight line that runtimes once took made 39 of
    the default 1024, and so little of a container beside the host's own services.
    """
    # Only here: few containers have shares.
    from math import ceil, log2

    logarithm = log2(min(max(shares, 2), 262_144))
    exponent = (logarithm * logarithm + 125 * logarithm) / 612 - 7 / 34
    # Rounded first: at the three points the exponent is whole but for the last bits.
    return ceil(round(10**exponent, 6))


def _bandwidth(cpu: Cpu, current: Current) -> str:
    """Both numbers stand in one file, so what is not given is taken from there."""
    quota, period = (current("cpu", "cpu.max") or f"max {_DEFAULT_PERIOD_US}").split()
    if cpu.quota is not None:
        quota = _maximum(cpu.quota)
    return f"{quota} {cpu.period or period}"


def cpuset_writes(cpu: Cpu) -> Iterator[Write]:
    """The writes for the processors and memory nodes that may be used."""
    if cpu.cpus is not None:
        yield Write("cpuset", "cpuset.cpus", cpu.cpus)
    if cpu.mems is not None:
        yield Write("cpuset", "cpuset.mems", cpu.mems)


def pids_writes(limit: int | None) -> Iterator[Write]:
    """The write for the number of tasks."""
    if limit is not None:
        yield Write("pids", "pids.max", _maximum(limit))


def block_io_writes(block_io: BlockIo, current: Current) -> Iterator[Write]:
    """The writes for block devices: BFQ takes the specification's weights, the controller itself those of version 2.

    Raises:
        CgroupSettingUnsupported: leaf weights left with version 1.
    """
    if block_io.leaf_weight is not None or any(device.leaf_weight is not None for device in block_io.weights):
        raise CgroupSettingUnsupported("blockIO.leafWeight", _VERSION)
    bfq = current("blkio", "io.bfq.weight") is not None
    file, option = (
        ("io.bfq.weight", None) if bfq else ("io.weight", "CONFIG_BLK_CGROUP_IOCOST or CONFIG_BFQ_GROUP_IOSCHED")
    )
    if block_io.weight is not None:
        weight = block_io.weight if bfq else io_weight(block_io.weight)
        yield Write("blkio", file, str(weight) if bfq else f"default {weight}", option)
    for device in block_io.weights:
        if device.weight is not None:
            weight = device.weight if bfq else io_weight(device.weight)
            yield Write("blkio", file, f"{device.major}:{device.minor} {weight}", option)
    for key, rates in (
        ("rbps", block_io.read_bps),
        ("wbps", block_io.write_bps),
        ("riops", block_io.read_iops),
        ("wiops", block_io.write_iops),
    ):
        for rate in rates:
            text = f"{rate.major}:{rate.minor} {key}={rate.rate or 'max'}"
            yield Write("blkio", "io.max", text, "CONFIG_BLK_DEV_THROTTLING")


def io_weight(weight: int) -> int:
    """The weight of version 2, 1 to 10000, of version 1's, 10 to 1000: a straight line from end to end."""
    return 1 + (weight - 10) * 9999 // 990


def hugepage_writes(limits: tuple[HugepageLimit, ...]) -> Iterator[Write]:
    """The writes for huge pages: those in use, and where the kernel counts them, those that are reserved."""
    for limit in limits:
        option = f"huge pages of {limit.page_size}"
        yield Write("hugetlb", f"hugetlb.{limit.page_size}.max", str(limit.limit), option)
        yield Write("hugetlb", f"hugetlb.{limit.page_size}.rsvd.max", str(limit.limit), optional=True)


def unified_writes(unified: tuple[tuple[str, str], ...]) -> Iterator[Write]:
    """The writes that the document spells out itself (runtime-spec, "Unified")."""
    for file, text in unified:
        controller = file.partition(".")[0]
        yield Write("blkio" if controller == "io" else controller, file, text)


def _maximum(limit: int) -> str:
    return "max" if limit < 0 else str(limit)
