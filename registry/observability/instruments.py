"""Counters, gauges and histograms whose values are cells of a page that all processes share.

Every label value is declared up front, so that a family's size is fixed and a client can never make it grow; any other
value counts as `other`. A process writes only to cells of its own slot, and only from its event loop's thread.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Final, Protocol

OTHER: Final = "other"

LATENCY_BUCKETS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
"""Upper bounds in seconds: from an answer out of memory to a layer over a slow line."""


class Cells(Protocol):
    """The shared doubles, and where this process's own begin."""

    base: int
    values: memoryview[float]


class Family:
    """Metrics of one name: one series for each combination of its declared label values."""

    kind = ""

    def __init__(self, name: str, help_text: str, labels: Mapping[str, Sequence[str]] | None = None) -> None:
        self.name, self.help_text = name, help_text
        declared = labels or {}
        self.label_names = tuple(declared)
        self._values = tuple(tuple(dict.fromkeys([*values, OTHER])) for values in declared.values())
        # Of the series that were written to: there are ten thousand that may be, and a process is started often.
        self._positions: dict[tuple[str, ...], int] = {}
        self._cells: Cells | None = None
        self._start = 0

    @property
    def cells_per_series(self) -> int:
        """How many cells one combination of label values takes."""
        return 1

    @property
    def cells(self) -> int:
        """How many cells the family takes in each slot."""
        return prod(map(len, self._values)) * self.cells_per_series

    def bind(self, cells: Cells, start: int) -> None:
        """Let the family live in `cells`, from `start` on within a slot."""
        self._cells, self._start = cells, start

    def series(self) -> Iterator[tuple[tuple[str, ...], int]]:
        """Each combination of label values, with where its cells begin within the family."""
        for number, series in enumerate(product(*self._values)):
            yield series, number * self.cells_per_series

    def _own(self, labels: tuple[str, ...]) -> tuple[memoryview[float], int]:
        cells = self._cells
        if cells is None:
            raise RuntimeError(f"{self.name} is not bound to a page")
        position = self._positions.get(labels)
        if position is None:
            known = self._known(labels)
            position = self._positions[known] = self._position(known)
        return cells.values, cells.base + self._start + position

    def _known(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        if len(labels) != len(self.label_names):
            raise ValueError(f"{self.name} has the labels {self.label_names}")
        return tuple(value if value in known else OTHER for value, known in zip(labels, self._values, strict=True))

    def _position(self, series: tuple[str, ...]) -> int:
        """Where `series` has its cells: as many before it as `series()` gives it."""
        number = 0
        for value, known in zip(series, self._values, strict=True):
            number = number * len(known) + known.index(value)
        return number * self.cells_per_series


class Counter(Family):
    """A number that only grows; its name ends in `_total`."""

    kind = "counter"

    def inc(self, *labels: str, by: float = 1.0) -> None:
        """Add `by`, which is not negative."""
        values, cell = self._own(labels)
        values[cell] += by


class Gauge(Family):
    """A number that goes up and down; what is shown is the sum over all processes."""

    kind = "gauge"

    def inc(self, *labels: str, by: float = 1.0) -> None:
        """Add `by` to this process's part."""
        values, cell = self._own(labels)
        values[cell] += by

    def dec(self, *labels: str, by: float = 1.0) -> None:
        """Take `by` from this process's part."""
        self.inc(*labels, by=-by)

    def set(self, value: float, *labels: str) -> None:
        """Make this process's part `value`."""
        values, cell = self._own(labels)
        values[cell] = value


class Histogram(Family):
    """How often a value fell under each bound, and the sum of all values; its name ends in a unit."""

    kind = "histogram"

    def __init__(
        self,
        name: str,
        help_text: str,
        labels: Mapping[str, Sequence[str]] | None = None,
        *,
        buckets: Sequence[float] = LATENCY_BUCKETS_S,
    ) -> None:
        self.buckets = tuple(buckets)
        super().__init__(name, help_text, labels)

    @property
    def cells_per_series(self) -> int:
        # One per bound, one for what lies beyond the last, and the sum.
        return len(self.buckets) + 2

    def observe(self, value: float, *labels: str) -> None:
        """Count one value."""
        values, cell = self._own(labels)
        values[cell + bisect_left(self.buckets, value)] += 1
        values[cell + len(self.buckets) + 1] += value
