"""The `Range` of a download (RFC 9110, "Range Requests")."""

from __future__ import annotations

from dataclasses import dataclass

from registry import limits
from registry.errors import RangeNotSatisfiable

# A number of more digits is larger than any blob; int() of very many digits would take long, or refuse.
_DIGITS = 19


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from `start` up to, not including, `stop`."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """How many bytes it spans."""
        return self.stop - self.start

    def content_range(self, total: int) -> str:
        """The `Content-Range` of this part of a blob of `total` bytes."""
        return f"bytes {self.start}-{self.stop - 1}/{total}"


def parse_range(header: str | None, size: int) -> tuple[ByteRange, ...]:
    """The parts of a blob of `size` bytes that `header` asks for; empty when the whole is to be answered.

    A header that cannot be read, or that asks for more than the whole, is ignored as the RFC allows: its sender gets
    the whole blob. So is every Range of an empty blob, of which there is no part.

    Raises:
        RangeNotSatisfiable: no part that it asks for lies inside the blob.
    """
    unit, equals, text = (header or "").partition("=")
    if not equals or unit.strip().lower() != "bytes" or size == 0:
        return ()
    specs = [spec.strip() for spec in text.split(",") if spec.strip()]
    bounds = [_bounds(spec, size) for spec in specs]
    if not specs or None in bounds or len(specs) > limits.BYTE_RANGES:
        return ()
    parts = tuple(ByteRange(*pair) for pair in bounds if pair is not None and pair[0] < pair[1])
    if not parts:
        raise RangeNotSatisfiable(size)
    if sum(part.size for part in parts) > size:
        # Overlapping parts: a request of a few bytes must not make an answer of many blobs.
        return ()
    return parts


def _bounds(spec: str, size: int) -> tuple[int, int] | None:
    """Start and stop of one part, stop at or before start when it lies outside the blob; None: not a range at all."""
    first, dash, last = (part.strip() for part in spec.partition("-"))
    if not dash or not (first or last) or not (_is_number(first or "0") and _is_number(last or "0")):
        return None
    if not first:
        return max(size - _number(last), 0), size
    # A last byte before the first is a range of nothing, which is answered like one beyond the end.
    return _number(first), min(_number(last) + 1, size) if last else size


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _number(digits: str) -> int:
    significant = digits.lstrip("0") or "0"
    return int(significant) if len(significant) <= _DIGITS else 10**_DIGITS
