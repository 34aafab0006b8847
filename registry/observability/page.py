"""The page of doubles that all processes of one registry share, each writing to a slot of its own.

It is made before the workers are forked. A worker that replaces a dead one takes over its slot, so that counters never
go back; gauges told of what died with it, and begin at zero. Any process can sum the slots.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from typing import Final

from registry.observability.instruments import Family

_DOUBLE_BYTES: Final = 8


class MetricsPage:
    """The cells of `families` for `workers` workers and one supervisor.

    The process that makes the page is attached to the supervisor's slot until it attaches to another.
    """

    def __init__(self, families: Sequence[Family], workers: int) -> None:
        self.families = tuple(families)
        names = {family.name for family in self.families}
        if len(names) != len(self.families):
            raise ValueError("two families have the same name")
        self._starts = self._bind()
        self._width = sum(family.cells for family in self.families)
        self._slots = workers + 1
        memory = mmap.mmap(-1, max(1, self._slots * self._width) * _DOUBLE_BYTES)
        # A double is written and read as one aligned word, so that a reader in another process sees it whole.
        self.values: memoryview[float] = memoryview(memory).cast("d")
        self.base = workers * self._width

    def attach(self, slot: int) -> None:
        """Count in the slot of worker `slot` (from 0) from now on; called by the worker when it starts."""
        self._check(slot)
        self.release(slot)
        self.base = slot * self._width

    def release(self, slot: int) -> None:
        """Forget the gauges of worker `slot`, which has ended; what it counted stays."""
        self._check(slot)
        for family, start in zip(self.families, self._starts, strict=True):
            if family.kind == "gauge":
                first = slot * self._width + start
                for cell in range(first, first + family.cells):
                    self.values[cell] = 0.0

    def totals(self, family: Family) -> list[float]:
        """The family's cells, each summed over all slots."""
        start = self._starts[self.families.index(family)]
        firsts = (slot * self._width + start for slot in range(self._slots))
        return [sum(cells) for cells in zip(*(self._read(first, family.cells) for first in firsts), strict=True)]

    def _read(self, first: int, cells: int) -> list[float]:
        return list(self.values[first : first + cells])

    def _bind(self) -> list[int]:
        starts, start = [], 0
        for family in self.families:
            family.bind(self, start)
            starts.append(start)
            start += family.cells
        return starts

    def _check(self, slot: int) -> None:
        if not 0 <= slot < self._slots - 1:
            raise ValueError(f"there is no worker {slot}")
