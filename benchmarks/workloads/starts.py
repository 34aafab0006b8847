"""Starting a server, and what it holds in memory when nobody asks anything."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Sample, Work, memory_of
from benchmarks.processes import cpu_seconds, tree
from benchmarks.results import Result
from benchmarks.servers import Candidate, Server
from benchmarks.workloads.workload import Unit

FIRST_START = "start on no data, to the first answer"
START = "start, to the first answer"
IDLE = "memory after the start, idle"

_REST_S = 0.5


def measure_starts(candidates: Sequence[Candidate], scratch: Path, rounds: int) -> list[Result]:
    """Start and stop each candidate in each round, first without data and then with what that left."""
    first, again, idle = Result(FIRST_START, Unit.SECONDS), Result(START, Unit.SECONDS), Result(IDLE, Unit.MEMORY)
    for _ in range(rounds):
        for candidate in candidates:
            directory = scratch / f"start-{candidate.name}"
            with candidate.running(directory) as server:
                _note(first, server)
            with candidate.running(directory) as server:
                _note(again, server)
                time.sleep(_REST_S)
                resting = Sample(Work(0, 0, _REST_S), peak=memory_of(tree(server.roots)))
                idle.samples.setdefault(server.name, []).append(resting)
            shutil.rmtree(directory)
    return [first, again, idle]


def _note(result: Result, server: Server) -> None:
    processes = tree(server.roots)
    work = Work(1, 0, server.start_s or 0.0)
    sample = Sample(work, cpu_seconds(processes), memory_of(processes))
    result.samples.setdefault(server.name, []).append(sample)
