"""What the processes of a cgroup have used so far."""

from __future__ import annotations

from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Read = Callable[[str, str], str | None]
    """What a file of a controller (version 1's name) holds; None where the controller or the file is not there."""


class Statistics(Record):
    """None stands for what this host does not count."""

    memory_usage: int | None
    """Bytes, with the page cache."""
    memory_limit: int | None
    """Bytes; None also where there is no limit."""
    cpu_ns: int | None
    """Processor time, nanoseconds."""
    throttled_periods: int | None
    """Periods of the quota in which it did not suffice."""
    throttled_ns: int | None
    pids: int | None
    """Processes and threads now."""
    read_bytes: int | None
    written_bytes: int | None
    oom_kills: int | None
    """Processes that the kernel killed for want of memory in this cgroup."""


def read_v1(read: Read) -> Statistics:
    """The counters of version 1."""
    cpu = _keyed(read("cpu", "cpu.stat"))
    limit = _number(read("memory", "memory.limit_in_bytes"))
    transferred = read("blkio", "blkio.throttle.io_service_bytes_recursive")
    return Statistics(
        memory_usage=_number(read("memory", "memory.usage_in_bytes")),
        # The largest number of pages that the kernel counts is its word for none.
        memory_limit=None if limit is None or limit > 2**62 else limit,
        cpu_ns=_number(read("cpuacct", "cpuacct.usage")),
        throttled_periods=cpu.get("nr_throttled"),
        throttled_ns=cpu.get("throttled_time"),
        pids=_number(read("pids", "pids.current")),
        read_bytes=_sum_v1(transferred, "Read"),
        written_bytes=_sum_v1(transferred, "Write"),
        oom_kills=oom_kills_v1(read),
    )


def read_v2(read: Read) -> Statistics:
    """The counters of version 2."""
    cpu = _keyed(read("cpu", "cpu.stat"))
    limit = read("memory", "memory.max")
    io = read("blkio", "io.stat")
    return Statistics(
        memory_usage=_number(read("memory", "memory.current")),
        memory_limit=None if limit == "max" else _number(limit),
        cpu_ns=_nanoseconds(cpu.get("usage_usec")),
        throttled_periods=cpu.get("nr_throttled"),
        throttled_ns=_nanoseconds(cpu.get("throttled_usec")),
        pids=_number(read("pids", "pids.current")),
        read_bytes=_sum_v2(io, "rbytes"),
        written_bytes=_sum_v2(io, "wbytes"),
        oom_kills=oom_kills_v2(read),
    )


def oom_kills_v1(read: Read) -> int | None:
    """How many processes the kernel killed for want of memory. `failcnt` is no measure: newer kernels leave it at 0."""
    return _keyed(read("memory", "memory.oom_control")).get("oom_kill")


def oom_kills_v2(read: Read) -> int | None:
    """How many processes the kernel killed for want of memory."""
    return _keyed(read("memory", "memory.events")).get("oom_kill")


def _keyed(text: str | None) -> dict[str, int]:
    pairs = [line.split() for line in (text or "").splitlines()]
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _nanoseconds(microseconds: int | None) -> int | None:
    return None if microseconds is None else 1000 * microseconds


def _sum_v1(text: str | None, operation: str) -> int | None:
    if text is None:
        return None
    rows = [line.split() for line in text.splitlines()]
    return sum(int(row[2]) for row in rows if len(row) == 3 and row[1] == operation)


def _sum_v2(text: str | None, key: str) -> int | None:
    if text is None:
        return None
    words = [word.partition("=") for word in text.split()]
    return sum(int(value) for name, _, value in words if name == key)
