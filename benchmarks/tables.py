"""The tables of a report, as lines of Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.ceilings import RESPONDER
from benchmarks.curve import CurvePoint, growths
from benchmarks.goals import Verdict
from benchmarks.results import Comparison, Figures, Result
from benchmarks.servers import DISTRIBUTION, MOORAGE
from benchmarks.workloads.workload import Unit

_UNKNOWN = "–"


def goals(verdicts: Sequence[Verdict]) -> list[str]:
    """What was to be reached, and what was."""
    rows = [
        f"| {verdict.workload} | {verdict.goal.text} | {verdict.reached:.2f} | {_mark(verdict)} |"
        for verdict in verdicts
    ]
    return ["| work | goal | reached | |", "|---|---|---:|---|", *rows]


def comparison(
    results: Sequence[Result], peer: str, verdicts: Sequence[Verdict], *, server: str = MOORAGE
) -> list[str]:
    """`server` beside `peer`, a row for each workload; `verdicts` on some of them stand in the last column.

    Memory is the proportional set size, and the resident one in parentheses.
    """
    names = f"speed (of single rounds) | CPU | memory | {server} CPU | {peer} CPU | {server} memory | {peer} memory"
    lines = [f"| work | {server} | {peer} | {names} | client CPU | goal |", f"|---|{'---:|' * 10}---|"]
    for result in results:
        if peer not in result.samples and server not in result.samples:
            continue
        ours, theirs = result.figures(server), result.figures(peer)
        ratios = result.compare(server, peer)
        cells = [
            result.name,
            _amount(ours.value, result.unit),
            _amount(theirs.value, result.unit),
            _speed(ratios),
            _times(ratios.cpu),
            _UNKNOWN if ratios.memory is None else f"{_times(ratios.memory)} ({_times(ratios.rss)})",
            _cost(ours.cpu_s, result.unit),
            _cost(theirs.cpu_s, result.unit),
            _memory(ours),
            _memory(theirs),
            _cost(ours.client_s, result.unit),
            _goals(result, verdicts),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def curve(points: Sequence[CurvePoint], rows: str) -> list[str]:
    """The latency of each kind of request, a column for each number of `rows`, which says what they are."""
    sizes = sorted({point.rows for point in points})
    columns = " | ".join(f"{size:,}" for size in sizes)
    lines = [
        f"| median (99 of 100), by {rows} | {columns} | growth | of CPU |",
        f"|---|{'---:|' * len(sizes)}---:|---:|",
    ]
    for name, growth in growths(points).items():
        by_size = {point.rows: point for point in points if point.name == name}
        cells = [
            f"{_duration(by_size[size].median_s)} ({_duration(by_size[size].slow_s)})" if size in by_size else _UNKNOWN
            for size in sizes
        ]
        lines.append(f"| {name} | {' | '.join(cells)} | {growth.time:.2f} | {growth.cpu:.2f} |")
    return lines


def ceilings(found: Sequence[Result], results: Sequence[Result]) -> list[str]:
    """What the load generator reaches beside a server that only answers, and what part of that the servers reached."""
    by_name = {result.name: result for result in results}
    lines = [
        f"| work | the client alone | client: CPU | {MOORAGE} reached | {DISTRIBUTION} reached |",
        "|---|---:|---:|---:|---:|",
    ]
    for result in found:
        alone = result.figures(RESPONDER)
        cells = [result.name, _amount(alone.value, result.unit), _cost(alone.client_s, result.unit)]
        for server in (MOORAGE, DISTRIBUTION):
            value = by_name[result.name].figures(server).value if result.name in by_name else None
            cells.append(_UNKNOWN if value is None or not alone.value else f"{value / alone.value:.0%}")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _goals(result: Result, verdicts: Sequence[Verdict]) -> str:
    own = [verdict for verdict in verdicts if verdict.workload == result.name]
    return "; ".join(f"{verdict.goal.text} {_mark(verdict)}" for verdict in own)


def _mark(verdict: Verdict) -> str:
    return "✓" if verdict.met else "✗"


def _amount(value: float | None, unit: Unit) -> str:
    if value is None:
        return _UNKNOWN
    if unit is Unit.SECONDS:
        return _duration(value)
    return f"{value:,.0f} {unit.value}" if value >= 100 else f"{value:.3g} {unit.value}"


def _cost(cpu_s: float | None, unit: Unit) -> str:
    if cpu_s is None:
        return _UNKNOWN
    return f"{cpu_s:.2f} s/GB" if unit is Unit.BYTES else _duration(cpu_s)


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds * 1e6:.0f} µs" if seconds >= 1e-5 else f"{seconds * 1e6:.1f} µs"


def _memory(figures: Figures) -> str:
    if figures.pss is None or figures.rss is None:
        return _UNKNOWN
    return f"{figures.pss / 2**20:.0f} ({figures.rss / 2**20:.0f}) MiB"


def _speed(ratios: Comparison) -> str:
    text = _times(ratios.speed)
    if ratios.speed is None or ratios.speeds is None:
        return text
    least, greatest = ratios.speeds
    return f"{text} ({least:.2f}–{greatest:.2f})"


def _times(ratio: float | None) -> str:
    return _UNKNOWN if ratio is None else f"{ratio:.2f}"
