"""Samples as a run would take them."""

from benchmarks.measure import Memory, Sample, Work
from benchmarks.results import Result
from benchmarks.servers import DISTRIBUTION, MOORAGE
from benchmarks.workloads.workload import Unit


def transfer(megabytes: float, seconds: float, *, cpu_s: float | None = None, peak_size: int | None = None) -> Sample:
    peak = None if peak_size is None else Memory(peak_size, 2 * peak_size)
    return Sample(Work(1, round(megabytes * 1e6), seconds), cpu_s, peak)


def requests(count: int, seconds: float, *, cpu_s: float | None = None) -> Sample:
    return Sample(Work(count, 0, seconds), cpu_s)


def request_result(name: str, ours: int, theirs: int, *, cpu_s: float = 1.0) -> Result:
    """A workload of requests in which both servers took a second."""
    samples = {MOORAGE: [requests(ours, 1, cpu_s=cpu_s)], DISTRIBUTION: [requests(theirs, 1, cpu_s=cpu_s)]}
    return Result(name, Unit.REQUESTS, samples)
