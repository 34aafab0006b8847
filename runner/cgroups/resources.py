"""The limits of a container, as the runtime specification writes them ("Control groups", `linux.resources`).

What is absent stays None and is not touched. As in runc, 0 for a limit of memory, swap, pids or the processor means
absent too: engines write it for what their user did not ask for. -1 takes a limit away.
"""

from __future__ import annotations

from runner.records import Record

UNLIMITED = -1


class Memory(Record):
    """Sizes are bytes; `swap` is memory and swap together, as version 1 counts."""

    limit: int | None = None
    reservation: int | None = None
    swap: int | None = None
    swappiness: int | None = None
    disable_oom_killer: bool = False
    check_before_update: bool = False


class Cpu(Record):
    """Times are microseconds; `cpus` and `mems` are lists as in cpuset(7), "List format"."""

    shares: int | None = None
    quota: int | None = None
    period: int | None = None
    burst: int | None = None
    idle: int | None = None
    realtime_runtime: int | None = None
    realtime_period: int | None = None
    cpus: str | None = None
    mems: str | None = None


class DeviceRule(Record):
    """Whether some uses of some devices are allowed; a later rule wins over an earlier one."""

    allow: bool
    kind: str
    """`b`, `c`, or `a` for both."""
    major: int | None
    minor: int | None
    """None stands for every number."""
    access: str
    """Of `r`, `w` and `m` (mknod), in this order."""


class DeviceWeight(Record):
    """The share of one block device."""

    major: int
    minor: int
    weight: int | None
    leaf_weight: int | None


class DeviceRate(Record):
    """A bound on one block device: bytes or operations in a second, 0 for none."""

    major: int
    minor: int
    rate: int


class BlockIo(Record):
    """Weights are from 10 to 1000."""

    weight: int | None = None
    leaf_weight: int | None = None
    weights: tuple[DeviceWeight, ...] = ()
    read_bps: tuple[DeviceRate, ...] = ()
    write_bps: tuple[DeviceRate, ...] = ()
    read_iops: tuple[DeviceRate, ...] = ()
    write_iops: tuple[DeviceRate, ...] = ()


class HugepageLimit(Record):
    """Most bytes in pages of one size, which is written as the kernel's file names do: 2MB."""

    page_size: str
    limit: int


class Resources(Record):
    """All limits of one container."""

    memory: Memory = Memory()
    cpu: Cpu = Cpu()
    pids: int | None = None
    block_io: BlockIo = BlockIo()
    devices: tuple[DeviceRule, ...] = ()
    hugepages: tuple[HugepageLimit, ...] = ()
    unified: tuple[tuple[str, str], ...] = ()
    """Files of version 2 and what is written to them."""
    warnings: tuple[str, ...] = ()
    """What was asked for and is left out, in words for the user."""
