"""Limits as writes into hierarchies of version 1, in an order that the kernel takes.

Sources: the kernel's admin-guide/cgroup-v1/{memory,cpusets,blkio-controller,devices,hugetlb,pids}.rst and
scheduler/sched-bwc.rst.
"""

from __future__ import annotations

from runner.cgroups.errors import CgroupResourcesInvalid, CgroupSettingUnsupported
from runner.cgroups.resources import BlockIo, Cpu, DeviceRule, HugepageLimit, Memory
from runner.cgroups.writes import UNLIMITED_V1, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.cgroups.writes import Current

    _Devices = tuple[str, int | None, int | None]

_BANDWIDTH = "CONFIG_CFS_BANDWIDTH"
_SWAP = "CONFIG_SWAP, and swapaccount=1 on the kernel's command line"


def memory_writes(memory: Memory, current: Current) -> Iterator[Write]:
    """The writes for memory and swap."""
    if memory.check_before_update and memory.limit is not None and memory.limit > 0:
        used = _number(current("memory", "memory.usage_in_bytes"))
        if used is not None and used > memory.limit:
            raise CgroupResourcesInvalid(f"memory.limit: {used} bytes are in use now")
    yield from _limit_and_swap(memory, current)
    if memory.reservation is not None:
        yield Write("memory", "memory.soft_limit_in_bytes", str(memory.reservation))
    if memory.swappiness is not None:
        yield Write("memory", "memory.swappiness", str(memory.swappiness), "CONFIG_SWAP")
    if memory.disable_oom_killer:
        yield Write("memory", "memory.oom_control", "1")


def _limit_and_swap(memory: Memory, current: Current) -> Iterator[Write]:
    # memsw counts both, and the kernel refuses a moment in which it is below the limit of memory.
    swap = memory.swap
    if swap is None and memory.limit == -1 and current("memory", "memory.memsw.limit_in_bytes") is not None:
        swap = -1
    limit = Write("memory", "memory.limit_in_bytes", str(memory.limit)) if memory.limit is not None else None
    both = Write("memory", "memory.memsw.limit_in_bytes", str(swap), _SWAP) if swap is not None else None
    now = _number(current("memory", "memory.limit_in_bytes"))
    swap_first = swap is not None and (swap == -1 or swap >= (UNLIMITED_V1 if now is None else now))
    for write in (both, limit) if swap_first else (limit, both):
        if write is not None:
            yield write


def cpu_writes(cpu: Cpu, current: Current) -> Iterator[Write]:
    """The writes for the processor's time, with a quota that is never for a moment above both the old and the new."""
    if cpu.shares is not None:
        yield Write("cpu", "cpu.shares", str(cpu.shares), "CONFIG_FAIR_GROUP_SCHED")
    if cpu.realtime_period is not None:
        yield Write("cpu", "cpu.rt_period_us", str(cpu.realtime_period), "CONFIG_RT_GROUP_SCHED")
    if cpu.realtime_runtime is not None:
        yield Write("cpu", "cpu.rt_runtime_us", str(cpu.realtime_runtime), "CONFIG_RT_GROUP_SCHED")
    bandwidth = []
    if cpu.quota is not None:
        bandwidth.append(Write("cpu", "cpu.cfs_quota_us", str(cpu.quota), _BANDWIDTH))
    if cpu.period is not None:
        # A longer period with the old quota is less, and so is a smaller quota with the old period.
        longer = cpu.period >= (_number(current("cpu", "cpu.cfs_period_us")) or 0)
        unlimited = (_number(current("cpu", "cpu.cfs_quota_us")) or -1) < 0
        period = Write("cpu", "cpu.cfs_period_us", str(cpu.period), _BANDWIDTH)
        bandwidth.insert(0 if longer or unlimited else len(bandwidth), period)
    if cpu.burst is not None:
        # Never more than the quota: what shrinks goes first, what grows goes last.
        shrinks = cpu.burst <= (_number(current("cpu", "cpu.cfs_burst_us")) or 0)
        burst = Write("cpu", "cpu.cfs_burst_us", str(cpu.burst), f"{_BANDWIDTH}, Linux 5.14")
        bandwidth.insert(0 if shrinks else len(bandwidth), burst)
    yield from bandwidth
    if cpu.idle is not None:
        yield Write("cpu", "cpu.idle", str(cpu.idle), "CONFIG_FAIR_GROUP_SCHED, Linux 5.15")


def cpuset_writes(cpu: Cpu) -> Iterator[Write]:
    """The writes for the processors and memory nodes that may be used."""
    if cpu.cpus is not None:
        yield Write("cpuset", "cpuset.cpus", cpu.cpus)
    if cpu.mems is not None:
        yield Write("cpuset", "cpuset.mems", cpu.mems)


def pids_writes(limit: int | None) -> Iterator[Write]:
    """The write for the number of tasks."""
    if limit is not None:
        yield Write("pids", "pids.max", "max" if limit < 0 else str(limit))


def block_io_writes(block_io: BlockIo, current: Current) -> Iterator[Write]:
    """The writes for block devices: weights under the name of the scheduler that this kernel has, then throttles."""
    # CFQ left with Linux 5.0 and took blkio.weight with it; BFQ has the same numbers under its own name.
    prefix = "blkio.bfq." if current("blkio", "blkio.bfq.weight") is not None else "blkio."
    option = "CONFIG_BFQ_GROUP_IOSCHED"
    if block_io.weight is not None:
        yield Write("blkio", f"{prefix}weight", str(block_io.weight), option)
    if block_io.leaf_weight is not None:
        yield Write(
            "blkio", "blkio.leaf_weight", str(block_io.leaf_weight), "CONFIG_CFQ_GROUP_IOSCHED, before Linux 5.0"
        )
    for device in block_io.weights:
        numbers = f"{device.major}:{device.minor}"
        if device.weight is not None:
            yield Write("blkio", f"{prefix}weight_device", f"{numbers} {device.weight}", option)
        if device.leaf_weight is not None:
            text = f"{numbers} {device.leaf_weight}"
            yield Write("blkio", "blkio.leaf_weight_device", text, "CONFIG_CFQ_GROUP_IOSCHED, before Linux 5.0")
    for name, rates in (
        ("read_bps", block_io.read_bps),
        ("write_bps", block_io.write_bps),
        ("read_iops", block_io.read_iops),
        ("write_iops", block_io.write_iops),
    ):
        for rate in rates:
            text = f"{rate.major}:{rate.minor} {rate.rate}"
            yield Write("blkio", f"blkio.throttle.{name}_device", text, "CONFIG_BLK_DEV_THROTTLING")


def device_writes(rules: tuple[DeviceRule, ...]) -> Iterator[Write]:
    """The writes for the use of devices.

    The kernel keeps whether all is allowed, and exceptions. A rule that says what holds for all anyway takes back but
    the exception of the very same numbers, and is passed over in silence where there is none. So what it takes back is
    found here.

    Raises:
        CgroupSettingUnsupported: a rule takes back a part of an exception.
    """
    for_all: bool | None = None
    exceptions: dict[_Devices, set[str]] = {}
    for rule in rules:
        devices = (rule.kind, rule.major, rule.minor)
        if rule.kind == "a":
            for_all, exceptions = rule.allow, {}
            yield _device_write(rule.allow, "a")
        elif rule.allow != for_all:
            exceptions.setdefault(devices, set()).update(rule.access)
            yield _device_write(rule.allow, _device_text(devices, rule.access))
        else:
            yield from _take_back(rule, exceptions)


def _take_back(rule: DeviceRule, exceptions: dict[_Devices, set[str]]) -> Iterator[Write]:
    for devices, uses in exceptions.items():
        kind, *numbers = devices
        common = "".join(letter for letter in rule.access if letter in uses)
        pairs = list(zip((rule.major, rule.minor), numbers, strict=True))
        if kind != rule.kind or not common or any(None not in pair and pair[0] != pair[1] for pair in pairs):
            continue
        if any(asked not in {None, number} for asked, number in pairs):
            text = f"version 1 of cgroups cannot except {_device_text((rule.kind, rule.major, rule.minor), common)}"
            raise CgroupSettingUnsupported("devices", f"{text} from the rule for {_device_text(devices, common)}")
        uses.difference_update(common)
        yield _device_write(rule.allow, _device_text(devices, common))


def _device_write(allow: bool, text: str) -> Write:
    return Write("devices", "devices.allow" if allow else "devices.deny", text)


def _device_text(devices: _Devices, access: str) -> str:
    kind, *numbers = devices
    major, minor = ("*" if number is None else number for number in numbers)
    return f"{kind} {major}:{minor} {access}"


def hugepage_writes(limits: tuple[HugepageLimit, ...]) -> Iterator[Write]:
    """The writes for huge pages: those in use, and where the kernel counts them, those that are reserved."""
    for limit in limits:
        option = f"huge pages of {limit.page_size}"
        yield Write("hugetlb", f"hugetlb.{limit.page_size}.limit_in_bytes", str(limit.limit), option)
        yield Write("hugetlb", f"hugetlb.{limit.page_size}.rsvd.limit_in_bytes", str(limit.limit), optional=True)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None else None
