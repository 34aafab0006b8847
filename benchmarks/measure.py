"""What a server's processes cost while something is done with them."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.processes import busy_seconds, cpu_seconds, memory_bytes, own_seconds, tree

_MEMORY_INTERVAL_S = 0.1
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
class Sample:
    """Some work, the CPU time that the server took for it (seconds) and its peak memory meanwhile (bytes of PSS).

    None where the server's processes are not known. `others` is the share of the machine's cores, from 0 to 1, that
    went to neither the server nor the client: much of it makes the sample a rough one.
    """

    work: Work
    cpu_s: float | None = None
    peak_size: int | None = None
    others: float | None = None


def measured(roots: tuple[int, ...], action: Callable[[], Work]) -> Sample:
    """Do `action` and measure the processes `roots` with all their descendants meanwhile."""
    if not roots:
        return Sample(action())
    processes = tree(roots)
    before, clock = cpu_seconds(processes), _Clock.now()
    with _peak_memory(processes) as peak:
        work = action()
    used = _settled_cpu(processes) - before
    return Sample(work, used, peak[0], clock.others(used))


def median(values: list[float]) -> float | None:
    """The median, None of nothing."""
    return statistics.median(values) if values else None


@dataclass(frozen=True, slots=True)
class _Clock:
    time_s: float
    busy_s: float
    own_s: float

    @classmethod
    def now(cls) -> _Clock:
        return cls(time.monotonic(), busy_seconds(), own_seconds())

    def others(self, used_s: float) -> float:
        """The share of all cores that since then went to others than us and a server that used `used_s`."""
        now = _Clock.now()
        capacity = (now.time_s - self.time_s) * len(os.sched_getaffinity(0))
        busy = (now.busy_s - self.busy_s) - (now.own_s - self.own_s) - used_s
        return min(1.0, max(0.0, busy / capacity))


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


@contextmanager
def _peak_memory(processes: list[int]) -> Iterator[list[int]]:
    """The most memory of `processes` in the block, as the only entry of a list."""
    peak = [memory_bytes(processes)]
    stop = threading.Event()

    def sample() -> None:
        while not stop.wait(_MEMORY_INTERVAL_S):
            peak[0] = max(peak[0], memory_bytes(processes))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield peak
    finally:
        stop.set()
        sampler.join()
        peak[0] = max(peak[0], memory_bytes(processes))
