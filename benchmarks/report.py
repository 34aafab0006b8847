"""What a run says to people (a table, in Markdown) and to programs (JSON)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.curve import CurvePoint
from benchmarks.goals import Verdict, judge
from benchmarks.results import Result
from benchmarks.servers import DISTRIBUTION, MOORAGE
from benchmarks.workloads.workload import Unit

_UNKNOWN = "–"
# The kernel's own threads, which write what a server leaves to them, stay below it.
_ROUGH = 0.15


def markdown(
    results: Sequence[Result], left_out: Mapping[str, str], curve: Sequence[CurvePoint], machine: Mapping[str, str]
) -> str:
    """The tables of a run."""
    verdicts = judge(results)
    lines = [f"Measured on: {', '.join(f'{name} {value}' for name, value in machine.items())}.", ""]
    for peer in _peers(results):
        lines += [*_comparison_table(results, peer, verdicts if peer == DISTRIBUTION else []), ""]
    if curve:
        lines += [*_curve_table(curve), ""]
    lines += [f"- not measured: {name} ({reason})" for name, reason in left_out.items()]
    for result in results:
        lines += [f"- {result.name}: {server} failed: {reason}" for server, reason in result.failures.items()]
    rough = [result for result in results if result.disturbance() > _ROUGH]
    lines += [f"- rough: {result.name}: others used {result.disturbance():.0%} of the machine" for result in rough]
    missed = [verdict for verdict in verdicts if not verdict.met]
    lines += [f"- below its goal: {item.workload}: {item.reached:.2f}, goal {item.goal.text}" for item in missed]
    return "\n".join(lines).rstrip() + "\n"


def document(
    results: Sequence[Result], left_out: Mapping[str, str], curve: Sequence[CurvePoint], machine: Mapping[str, str]
) -> dict[str, Any]:
    """Everything that was measured, as JSON."""
    return {
        "machine": dict(machine),
        "results": [result.document() for result in results],
        "ratios": {peer: [_ratios(result, peer) for result in results] for peer in _peers(results)},
        "goals": [
            {"name": item.workload, "goal": item.goal.text, "reached": item.reached, "met": item.met}
            for item in judge(results)
        ],
        "curve": [point.document() for point in curve],
        "left_out": dict(left_out),
    }


def _peers(results: Sequence[Result]) -> list[str]:
    """The servers that Moorage is compared with, in the order in which they appear."""
    names = [server for result in results for server in result.samples if server != MOORAGE]
    return list(dict.fromkeys(names))


def _ratios(result: Result, peer: str) -> dict[str, Any]:
    comparison = result.compare(MOORAGE, peer)
    return {"name": result.name, "speed": comparison.speed, "cpu": comparison.cpu, "memory": comparison.memory}


def _comparison_table(results: Sequence[Result], peer: str, verdicts: Sequence[Verdict]) -> list[str]:
    lines = [
        f"| work | {MOORAGE} | {peer} | speed | CPU | {MOORAGE} CPU | {peer} CPU | memory | goal |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for result in results:
        if peer not in result.samples and MOORAGE not in result.samples:
            continue
        ours, theirs = result.figures(MOORAGE), result.figures(peer)
        comparison = result.compare(MOORAGE, peer)
        cells = [
            result.name,
            _amount(ours.value, result.unit),
            _amount(theirs.value, result.unit),
            _times(comparison.speed),
            _times(comparison.cpu),
            _cost(ours.cpu_s, result.unit),
            _cost(theirs.cpu_s, result.unit),
            f"{_memory(ours.peak_size)} / {_memory(theirs.peak_size)}",
            _goals(result, verdicts),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _goals(result: Result, verdicts: Sequence[Verdict]) -> str:
    own = [verdict for verdict in verdicts if verdict.workload == result.name]
    return "; ".join(f"{verdict.goal.text} {'✓' if verdict.met else '✗'}" for verdict in own)


def _curve_table(curve: Sequence[CurvePoint]) -> list[str]:
    sizes = sorted({point.rows for point in curve})
    lines = [
        f"| median (99 of 100), by tags and repositories | {' | '.join(f'{size:,}' for size in sizes)} |",
        f"|---|{'---:|' * len(sizes)}",
    ]
    for name in dict.fromkeys(point.name for point in curve):
        by_size = {point.rows: point for point in curve if point.name == name}
        cells = [
            f"{_duration(by_size[size].median_s)} ({_duration(by_size[size].slow_s)})" if size in by_size else _UNKNOWN
            for size in sizes
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


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
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} µs"


def _memory(size: float | None) -> str:
    return _UNKNOWN if size is None else f"{size / 2**20:.0f} MiB"


def _times(ratio: float | None) -> str:
    return _UNKNOWN if ratio is None else f"{ratio:.2f}"
