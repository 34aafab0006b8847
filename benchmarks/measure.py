"""What a server's processes cost while something is done with them."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.processes import (
    busy_seconds,
    cpu_seconds,
    kernel_threads,
    own_seconds,
    resident_bytes,
    shared_bytes,
    tree,
)

_MEMORY_INTERVAL_S = 0.05
_NEW_PEAK = 1.02
_SETTLE_STEP_S = 0.05
_SETTLE_STEPS = 20


@dataclass(frozen=True, slots=True)
class Work:
    """What was done: how many operations, how many bytes of content they moved, and how long all of it took.

    `median_s` and `slow_s` are the times of single operations: the median, and what 99 of 100 did not exceed.
    `client_s` is the CPU time (seconds) that the client took for it, and `client_load` the part, from 0 to 1, that this
    is of what its threads could have had: near 1 the client was the limit, and not the server.
    """

    operations: int
    size: int
    seconds: float
    median_s: float | None = None
    slow_s: float | None = None
    client_s: float | None = None
    client_load: float | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of a server's processes together, in bytes.

    A page that several processes share counts once in the proportional size, and for each of them in the resident one.
    """

    pss: int
    rss: int


@dataclass(frozen=True, slots=True)
class Sample:
    """Some work, the CPU time that the server took for it (seconds) and its peak memory meanwhile.

    None where the server's processes are not known. `kernel_s` is the CPU time of the kernel's own threads, of which
    nobody can tell for whom they worked. `others` is the share of the machine's cores, from 0 to 1, that went to
    neither of these nor the client: much of it makes the sample a rough one. `disk` is how fast (bytes/s) a plain
    program could write durably just before, where that matters.
    """

    work: Work
    cpu_s: float | None = None
    peak: Memory | None = None
    kernel_s: float | None = None
    others: float | None = None
    disk: float | None = None


def measured(roots: tuple[int, ...], action: Callable[[], Work]) -> Sample:
    """Do `action` and measure the processes `roots` with all their descendants meanwhile."""
    if not roots:
        return Sample(action())
    processes = tree(roots)
    before, clock = cpu_seconds(processes), _Clock.now()
    with _peak_memory(processes) as peak:
        work = action()
    used = _settled_cpu(processes) - before
    kernel, others = clock.stop(used)
    return Sample(work, used, peak.highest, kernel, others)


def memory_of(processes: list[int]) -> Memory:
    """What `processes` hold now."""
    return Memory(shared_bytes(processes), resident_bytes(processes))


def median(values: list[float]) -> float | None:
    """The median, None of nothing."""
    return statistics.median(values) if values else None


@dataclass(frozen=True, slots=True)
class _Clock:
    time_s: float
    busy_s: float
    own_s: float
    kernel_s: float

    @classmethod
    def now(cls) -> _Clock:
        return cls(time.monotonic(), busy_seconds(), own_seconds(), cpu_seconds(kernel_threads()))

    def stop(self, used_s: float) -> tuple[float, float]:
        """CPU time of the kernel's threads since then, and the share of all cores that went to others.

        Others than the kernel, us, and a server that used `used_s`.
        """
        now = _Clock.now()
        capacity = (now.time_s - self.time_s) * len(os.sched_getaffinity(0))
        kernel = now.kernel_s - self.kernel_s
        busy = (now.busy_s - self.busy_s) - (now.own_s - self.own_s) - kernel - used_s
        return kernel, min(1.0, max(0.0, busy / capacity))


def _settled_cpu(processes: list[int]) -> float:
    """CPU time once it stands still: what a server puts off until it has answered is part of its cost."""
    used = cpu_seconds(processes)
    for _ in range(_SETTLE_STEPS):
        time.sleep(_SETTLE_STEP_S)
        now = cpu_seconds(processes)
        if now == used:
            break
        used = now
    return used


class _Peak:
    """The most memory of some processes.

    Reading a set's proportional size walks its page tables, at the cost of milliseconds and under the server's lock. So
    it is read only when the resident size, which the kernel counts anyway, has grown to a new peak.
    """

    def __init__(self, processes: list[int]) -> None:
        self._processes = processes
        self.highest = memory_of(processes)

    def look(self) -> None:
        if resident_bytes(self._processes) > self.highest.rss * _NEW_PEAK:
            now = memory_of(self._processes)
            self.highest = Memory(max(now.pss, self.highest.pss), max(now.rss, self.highest.rss))


@contextmanager
def _peak_memory(processes: list[int]) -> Iterator[_Peak]:
    """The most memory of `processes` in the block."""
    peak = _Peak(processes)
    stop = threading.Event()

    def sample() -> None:
        while not stop.wait(_MEMORY_INTERVAL_S):
            peak.look()

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield peak
    finally:
        stop.set()
        sampler.join()
        peak.look()
