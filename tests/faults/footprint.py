"""What a running registry holds of the machine: memory and descriptors, over all of its processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.registry.app.processes import Registry

_KIB = 1024
_SAMPLE_S = 0.02


def memory(registry: Registry) -> int:
    """The proportional set size in bytes, summed over supervisor and workers: pages that they share count once."""
    return sum(_pss(pid) for pid in (registry.process.pid, *registry.workers()))


def descriptors(registry: Registry) -> int:
    """How many descriptors the workers have open."""
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in registry.workers())


class Peak:
    """The most memory that was seen, in bytes, and how often it was looked at."""

    def __init__(self) -> None:
        self.size = 0
        self.samples = 0

    def take(self, registry: Registry) -> None:
        """Look now."""
        self.size = max(self.size, memory(registry))
        self.samples += 1


@contextmanager
def peak_memory(registry: Registry) -> Iterator[Peak]:
    """The most memory that the registry has while the block runs, looked at in a thread."""
    peak, over = Peak(), threading.Event()

    def watch() -> None:
        while not over.wait(_SAMPLE_S):
            peak.take(registry)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * _KIB
    raise AssertionError(f"the kernel does not tell the memory of process {pid}")
