"""How large the parts of a multipart upload are, so that the number of them that S3 allows suffices.

The length of an upload is not known when it begins. Parts begin small, because they are kept in memory until S3 has
them, and double with every thousand. What is called a floor is the least of which a part is made where there is no need
to wait for more: at the end of a request, or where memory is short. It is S3's own least size for the first half of the
numbers; with what is left of them small parts would not reach far.
"""

from __future__ import annotations

from dataclasses import dataclass

SMALLEST_PART = 5 << 20
"""What each part but the last has to have."""

MOST_PARTS = 10_000
"""Parts of one upload."""

_STEP = 1000
_SPARING = MOST_PARTS // 2


@dataclass(frozen=True, slots=True)
class PartSizes:
    """The sizes of parts from `first` bytes to `largest`, neither below SMALLEST_PART."""

    first: int
    largest: int

    def full(self, number: int) -> int:
        """The size at which part `number` (from 1) is not filled further."""
        doublings = min((number - 1) // _STEP, MOST_PARTS // _STEP)
        return min(self.first << doublings, self.largest)

    def floor(self, number: int) -> int:
        """The least that part `number` is made of while more may come."""
        return SMALLEST_PART if number <= _SPARING else self.full(number)
