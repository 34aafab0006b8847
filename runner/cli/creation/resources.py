"""The flags about memory, processors and the other limits of the cgroup."""

from __future__ import annotations

from runner.cli.creation import limits, sizes
from runner.containers.settings import Resources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.cli.creation.reading import Reading

_SMALLEST_MEMORY = 6 * 1024 * 1024
_CPU_PERIODS_US = (1_000, 1_000_000)


def read_resources(reading: Reading) -> Resources:
    """The limits that are asked for.

    Raises:
        UsageError: one is none that the kernel takes, or two contradict each other.
    """
    resources = Resources(
        memory=reading.value("memory", sizes.size) or None,
        memory_swap=reading.value("memory-swap", sizes.size_or_unlimited) or None,
        memory_reservation=reading.value("memory-reservation", sizes.size) or None,
        nano_cpus=reading.value("cpus", sizes.nano_cpus) or None,
        cpu_shares=reading.number("cpu-shares", 0, 2**62) or None,
        cpu_period_us=reading.number("cpu-period", 0, 2**62) or None,
        cpu_quota_us=reading.number("cpu-quota", -1, 2**62) or None,
        cpuset_cpus=reading.word("cpuset-cpus", limits.processors),
        cpuset_mems=reading.word("cpuset-mems", limits.processors),
        pids=reading.number("pids-limit", -1, 2**31 - 1) or None,
        blkio_weight=reading.number("blkio-weight", 0, 1000) or None,
    )
    _check_memory(reading, resources)
    _check_processors(reading, resources)
    if resources.blkio_weight is not None and resources.blkio_weight < 10:
        raise reading.wrong("blkio-weight", "Range of blkio weight is from 10 to 1000")
    return resources


def _check_memory(reading: Reading, resources: Resources) -> None:
    memory, swap, reservation = resources.memory, resources.memory_swap, resources.memory_reservation
    if memory is not None and memory < _SMALLEST_MEMORY:
        raise reading.wrong("memory", "Minimum memory limit allowed is 6MB")
    if reservation is not None and reservation < _SMALLEST_MEMORY:
        raise reading.wrong("memory-reservation", "Minimum memory reservation allowed is 6MB")
    if swap is not None and swap > 0 and memory is None:
        raise reading.conflict("You should always set the Memory limit when using Memoryswap limit, see usage")
    if swap is not None and memory is not None and 0 < swap < memory:
        raise reading.conflict("Minimum memoryswap limit should be larger than memory limit, see usage")
    if memory is not None and reservation is not None and memory < reservation:
        raise reading.conflict("Minimum memory limit can not be less than memory reservation limit, see usage")


def _check_processors(reading: Reading, resources: Resources) -> None:
    lowest, highest = _CPU_PERIODS_US
    if resources.cpu_period_us is not None and not lowest <= resources.cpu_period_us <= highest:
        raise reading.wrong("cpu-period", "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s")
    if resources.cpu_quota_us is not None and 0 < resources.cpu_quota_us < lowest:
        raise reading.wrong("cpu-quota", "CPU cfs quota can not be less than 1ms (i.e. 1000)")
    if resources.nano_cpus is not None and (resources.cpu_period_us or resources.cpu_quota_us):
        other = "CPU Period" if resources.cpu_period_us else "CPU Quota"
        raise reading.conflict(f"Conflicting options: Nano CPUs and {other} cannot both be set")
