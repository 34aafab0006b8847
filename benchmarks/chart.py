"""Charts as SVG: ratios as bars on a logarithmic scale, and latencies over the size of the database."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from benchmarks.curve import CurvePoint
from benchmarks.results import Result
from benchmarks.servers import MOORAGE

_WIDTH = 900
_LABELS = 360
_RIGHT = 70
_ROW = 22
_TOP = 60
_FASTER, _SLOWER, _INK, _FAINT = "#2a7f62", "#b5533c", "#222222", "#cccccc"
_LINES = ("#2a7f62", "#b5533c", "#3b6fb6", "#8a5ca8", "#b8860b", "#4d4d4d", "#00a0a0", "#c71585", "#7a9a01")


def ratio_chart(results: Sequence[Result], peer: str) -> str:
    """How many times as fast as `peer` Moorage was, a bar for each workload; the line in the middle is equal speed."""
    bars = [
        (result.name, ratio)
        for result in results
        if (ratio := result.compare(MOORAGE, peer).speed) is not None and ratio > 0
    ]
    low, high = _decades([ratio for _, ratio in bars])
    height = _TOP + _ROW * len(bars) + 20
    body = [_text(10, 24, f"Speed of {MOORAGE} in proportion to {peer} (right of 1: faster)", size=15)]
    for power in range(low, high + 1):
        at = _across(10.0**power, low, high)
        body += [
            _line((at, _TOP - 8), (at, height - 20), _FAINT),
            _text(at, _TOP - 14, f"{10.0**power:g}", anchor="middle"),
        ]
    one = _across(1, low, high)
    for row, (name, ratio) in enumerate(bars):
        top, end = _TOP + row * _ROW, _across(ratio, low, high)
        body.append(_text(_LABELS - 10, top + 14, name, anchor="end"))
        colour = _FASTER if ratio >= 1 else _SLOWER
        body.append(
            f'<rect x="{min(one, end):.1f}" y="{top + 3}" width="{abs(end - one):.1f}" '
            f'height="{_ROW - 6}" fill="{colour}"/>'
        )
        body.append(_text(max(one, end) + 6, top + 14, f"{ratio:.2f}"))
    body.append(_line((one, _TOP - 8), (one, height - 20), _INK))
    return _document(height, body)


def curve_chart(points: Sequence[CurvePoint]) -> str:
    """The median latency of each kind of request over the number of tags and repositories, both logarithmic."""
    names = list(dict.fromkeys(point.name for point in points))
    left, right, bottom = 80, _WIDTH - 330, 420
    columns = _decades([float(point.rows) for point in points])
    rows = _decades([point.median_s for point in points])

    def place(point: CurvePoint) -> tuple[float, float]:
        along = (math.log10(point.rows) - columns[0]) / (columns[1] - columns[0])
        above = (math.log10(point.median_s) - rows[0]) / (rows[1] - rows[0])
        return left + along * (right - left), bottom - above * (bottom - _TOP)

    body = [_text(10, 24, "Median latency by the number of tags and repositories", size=15)]
    for power in range(rows[0], rows[1] + 1):
        height = bottom - (power - rows[0]) / (rows[1] - rows[0]) * (bottom - _TOP)
        body += [
            _line((left, height), (right, height), _FAINT),
            _text(left - 8, height + 4, _power(power), anchor="end"),
        ]
    for power in range(columns[0], columns[1] + 1):
        at = left + (power - columns[0]) / (columns[1] - columns[0]) * (right - left)
        body.append(_text(at, bottom + 20, f"{10**power:,}", anchor="middle"))
    for number, name in enumerate(names):
        colour = _LINES[number % len(_LINES)]
        own = sorted((point for point in points if point.name == name), key=lambda point: point.rows)
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, own))
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        body.append(_text(right + 20, _TOP + 14 + number * _ROW, name, colour=colour))
    return _document(bottom + 40, body)


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten that enclose `values`, at least one apart."""
    low = math.floor(math.log10(min(values, default=1)))
    high = math.ceil(math.log10(max(values, default=10)))
    return min(low, 0) if low <= 0 <= high else low, max(high, low + 1)


def _across(ratio: float, low: int, high: int) -> float:
    return _LABELS + (math.log10(ratio) - low) / (high - low) * (_WIDTH - _LABELS - _RIGHT)


def _power(power: int) -> str:
    return {-6: "1 µs", -5: "10 µs", -4: "100 µs", -3: "1 ms", -2: "10 ms", -1: "100 ms", 0: "1 s"}.get(
        power, f"{10.0**power:g} s"
    )


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start", colour: str = _INK) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
    )


def _line(start: tuple[float, float], end: tuple[float, float], colour: str) -> str:
    (x1, y1), (x2, y2) = start, end
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _document(height: float, body: Sequence[str]) -> str:
    size = f'width="{_WIDTH}" height="{height:.0f}" viewBox="0 0 {_WIDTH} {height:.0f}"'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">'
    ground = f'<rect width="{_WIDTH}" height="{height:.0f}" fill="#ffffff"/>'
    return "\n".join([opening, ground, *body, "</svg>", ""])
