"""Figures of what was measured: medians over the rounds, and how they compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.measure import Sample, Work, median
from benchmarks.workloads.workload import Unit

_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Figures:
    """One server in one workload, each figure the median of its rounds; None where it is not known.

    `value` is in the workload's unit. `cpu_s` is CPU seconds of the server per GB, per request, or per image;
    `client_s` and `kernel_s` those of the client and of the kernel's threads. Times of single operations are in
    seconds, peak memory (`pss` and `rss`) in bytes. `client_load` and `others` are as in `Work` and `Sample`.
    """

    value: float | None
    cpu_s: float | None
    client_s: float | None
    kernel_s: float | None
    pss: float | None
    rss: float | None
    median_s: float | None
    slow_s: float | None
    client_load: float | None
    others: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A server beside another one: how many times as fast, and what part of the other's CPU time and memory.

    `speeds` has the least and the greatest speed of a single round; None when there was but one.
    """

    speed: float | None
    speeds: tuple[float, float] | None
    cpu: float | None
    memory: float | None
    rss: float | None


@dataclass(slots=True)
class Result:
    """One workload: the samples of each server by its name, or why there are none."""

    name: str
    unit: Unit
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def figures(self, server: str) -> Figures:
        """The medians of what `server` did."""
        samples = self.samples.get(server, [])
        return Figures(
            value=_median(samples, lambda sample: _value(sample, self.unit)),
            cpu_s=_median(samples, lambda sample: _cost(sample.cpu_s, sample.work, self.unit)),
            client_s=_median(samples, lambda sample: _cost(sample.work.client_s, sample.work, self.unit)),
            kernel_s=_median(samples, lambda sample: _cost(sample.kernel_s, sample.work, self.unit)),
            pss=_median(samples, lambda sample: sample.peak.pss if sample.peak else None),
            rss=_median(samples, lambda sample: sample.peak.rss if sample.peak else None),
            median_s=_median(samples, lambda sample: sample.work.median_s),
            slow_s=_median(samples, lambda sample: sample.work.slow_s),
            client_load=_median(samples, lambda sample: sample.work.client_load),
            others=_median(samples, lambda sample: sample.others),
        )

    def disturbance(self) -> float:
        """The share of the machine that neither servers nor clients used: the most of any server's median round."""
        return max((self.figures(server).others or 0.0 for server in self.samples), default=0.0)

    def client_load(self) -> float:
        """How busy the client's threads were, from 0 to 1: the most beside any server's median round."""
        return max((self.figures(server).client_load or 0.0 for server in self.samples), default=0.0)

    def disk_speeds(self) -> tuple[float, float] | None:
        """The least and the greatest speed (bytes/s) of the disk before a round, None where that does not matter."""
        speeds = [sample.disk for samples in self.samples.values() for sample in samples if sample.disk is not None]
        return (min(speeds), max(speeds)) if speeds else None

    def compare(self, server: str, other: str) -> Comparison:
        """`server` in proportion to `other`; a speed above 1 is faster, whatever the unit."""
        ours, theirs = self.figures(server), self.figures(other)
        rounds = zip(self.samples.get(server, []), self.samples.get(other, []), strict=False)
        speeds = [
            speed
            for one, beside in rounds
            if (speed := self._speed(_value(one, self.unit), _value(beside, self.unit))) is not None
        ]
        return Comparison(
            speed=self._speed(ours.value, theirs.value),
            speeds=(min(speeds), max(speeds)) if len(speeds) > 1 else None,
            cpu=_ratio(ours.cpu_s, theirs.cpu_s),
            memory=_ratio(ours.pss, theirs.pss),
            rss=_ratio(ours.rss, theirs.rss),
        )

    def document(self) -> dict[str, Any]:
        """Everything as JSON."""
        return {
            "name": self.name,
            "unit": self.unit.value,
            "servers": {server: self._server_document(server) for server in self.samples},
            "failures": self.failures,
        }

    def _server_document(self, server: str) -> dict[str, Any]:
        samples = self.samples[server]
        return {
            **asdict(self.figures(server)),
            "rounds": [_value(sample, self.unit) for sample in samples],
            "rounds_cpu_s": [_cost(sample.cpu_s, sample.work, self.unit) for sample in samples],
            "rounds_disk": [sample.disk for sample in samples],
        }

    def _speed(self, value: float | None, other: float | None) -> float | None:
        if self.unit is Unit.MEMORY:
            return None
        return _ratio(other, value) if self.unit is Unit.SECONDS else _ratio(value, other)


def _value(sample: Sample, unit: Unit) -> float | None:
    work = sample.work
    if unit is Unit.REQUESTS:
        return work.operations / work.seconds
    if unit is Unit.BYTES:
        return work.size / _MEGABYTE / work.seconds
    if unit is Unit.SECONDS:
        return work.seconds / work.operations
    return None if sample.peak is None else sample.peak.pss / 2**20


def _cost(cpu_s: float | None, work: Work, unit: Unit) -> float | None:
    """CPU time for a GB or an operation."""
    if cpu_s is None or unit is Unit.MEMORY:
        return None
    if unit is Unit.BYTES:
        return cpu_s / (work.size / 1e9)
    return cpu_s / work.operations if work.operations else None


def _median(samples: list[Sample], figure: Callable[[Sample], float | None]) -> float | None:
    return median([value for sample in samples if (value := figure(sample)) is not None])


def _ratio(above: float | None, below: float | None) -> float | None:
    return None if above is None or not below else above / below
