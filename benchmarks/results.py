"""Figures of what was measured: medians over the rounds, and how they compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.measure import Sample, median
from benchmarks.workloads.workload import Unit

_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Figures:
    """One server in one workload, each figure the median of its rounds; None where it is not known.

    `value` is in the workload's unit. `cpu_s` is CPU seconds per GB, per request, or per image. Times of single
    operations are in seconds, memory in bytes. `others` is the share of the machine that others used meanwhile.
    """

    value: float | None
    cpu_s: float | None
    peak_size: float | None
    median_s: float | None
    slow_s: float | None
    others: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A server beside another one: how many times as fast, and what part of the other's CPU time and memory."""

    speed: float | None
    cpu: float | None
    memory: float | None


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
            cpu_s=_median(samples, lambda sample: _cpu(sample, self.unit)),
            peak_size=_median(samples, lambda sample: sample.peak_size),
            median_s=_median(samples, lambda sample: sample.work.median_s),
            slow_s=_median(samples, lambda sample: sample.work.slow_s),
            others=_median(samples, lambda sample: sample.others),
        )

    def disturbance(self) -> float:
        """The share of the machine that neither servers nor clients used: the most of any server's median round."""
        return max((self.figures(server).others or 0.0 for server in self.samples), default=0.0)

    def compare(self, server: str, other: str) -> Comparison:
        """`server` in proportion to `other`; a speed above 1 is faster, whatever the unit."""
        ours, theirs = self.figures(server), self.figures(other)
        if self.unit in {Unit.REQUESTS, Unit.BYTES}:
            speed = _ratio(ours.value, theirs.value)
        elif self.unit is Unit.SECONDS:
            speed = _ratio(theirs.value, ours.value)
        else:
            speed = None
        return Comparison(speed, _ratio(ours.cpu_s, theirs.cpu_s), _ratio(ours.peak_size, theirs.peak_size))

    def document(self) -> dict[str, Any]:
        """Everything as JSON."""
        return {
            "name": self.name,
            "unit": self.unit.value,
            "servers": {
                server: {
                    "value": (figures := self.figures(server)).value,
                    "cpu_s": figures.cpu_s,
                    "peak_bytes": figures.peak_size,
                    "median_s": figures.median_s,
                    "slow_s": figures.slow_s,
                    "others": figures.others,
                    "rounds": [_value(sample, self.unit) for sample in samples],
                    "rounds_cpu_s": [_cpu(sample, self.unit) for sample in samples],
                }
                for server, samples in self.samples.items()
            },
            "failures": self.failures,
        }


def _value(sample: Sample, unit: Unit) -> float | None:
    work = sample.work
    if unit is Unit.REQUESTS:
        return work.operations / work.seconds
    if unit is Unit.BYTES:
        return work.size / _MEGABYTE / work.seconds
    if unit is Unit.SECONDS:
        return work.seconds / work.operations
    return None if sample.peak_size is None else sample.peak_size / 2**20


def _cpu(sample: Sample, unit: Unit) -> float | None:
    work = sample.work
    if sample.cpu_s is None or unit is Unit.MEMORY:
        return None
    if unit is Unit.BYTES:
        return sample.cpu_s / (work.size / 1e9)
    return sample.cpu_s / work.operations if work.operations else None


def _median(samples: list[Sample], figure: Callable[[Sample], float | None]) -> float | None:
    return median([value for sample in samples if (value := figure(sample)) is not None])


def _ratio(above: float | None, below: float | None) -> float | None:
    return None if above is None or not below else above / below
