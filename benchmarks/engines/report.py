"""The figures as tables in Markdown and as JSON, and whether they are as they should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.engines.engines import OURS
from benchmarks.engines.workloads import Measured

_UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class Goal:
    """What our engine is to reach in some work: a bound, or a part of what others need."""

    work: str
    most: float
    of: str | None = None
    """The engine whose median is multiplied by `most`; without one, it is a bound in the work's unit."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal, and what came of it."""

    goal: Goal
    reached: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether it was reached."""
        return self.reached <= self.goal.most

    def row(self) -> str:
        """A row of the table of goals."""
        goal, mark = self.goal, "✓" if self.met else "✗"
        if goal.of is None:
            return f"| {goal.work} | ≤ {goal.most:g} {self.unit} | {self.reached:.1f} {self.unit} | {mark} |"
        return f"| {goal.work} | ≤ {goal.most:.2f} of {goal.of}'s | {self.reached:.2f} | {mark} |"


_THIRD = 1 / 3


def goals(results: list[Measured]) -> list[Goal]:
    """The goals for what was measured."""
    found = [
        Goal("run, network none", 50.0),
        Goal("run, network bridge", 90.0),
        Goal("memory of an idle container's monitor", 10.0),
        Goal("exec", _THIRD, "docker"),
    ]
    for engine in ("docker", "podman"):
        found += [Goal(f"run, network {network}", _THIRD, engine) for network in ("none", "bridge")]
        found += [Goal(result.name, 1.0, engine) for result in results if result.name.startswith("pull")]
    return found


def judge(results: list[Measured]) -> list[Verdict]:
    """What came of the goals whose figures there are."""
    by_name = {result.name: result for result in results}
    verdicts = []
    for goal in goals(results):
        result = by_name.get(goal.work)
        ours = result.median(OURS) if result else None
        if result is None or ours is None:
            continue
        if goal.of is None:
            verdicts.append(Verdict(goal, ours, result.unit))
        elif theirs := result.median(goal.of):
            verdicts.append(Verdict(goal, ours / theirs, result.unit))
    return verdicts


def as_markdown(results: list[Measured], machine: dict[str, str], versions: dict[str, str]) -> str:
    """The report."""
    engines = list(dict.fromkeys(name for result in results for name in (*result.rounds, *result.failures)))
    lines = [
        f"Measured on: {', '.join(f'{key} {value}' for key, value in machine.items())}.",
        f"Beside: {', '.join(f'{name} {version}' for name, version in versions.items())}.",
        "",
        "| goal | | reached | |",
        "|---|---|---:|---|",
        *(verdict.row() for verdict in judge(results)),
        "",
        "Medians, and in parentheses the best round:",
        "",
        f"| work | {' | '.join(engines)} |",
        f"|---|{'---:|' * len(engines)}",
    ]
    for result in results:
        cells = [_cell(result, engine) for engine in engines]
        lines.append(f"| {result.name} ({result.unit}) | {' | '.join(cells)} |")
    reasons = [
        f"* {result.name}, {engine}: {_line(text)}" for result in results for engine, text in result.failures.items()
    ]
    return "\n".join([*lines, *(["", *reasons] if reasons else []), ""])


def as_document(
    results: list[Measured], machine: dict[str, str], versions: dict[str, str], part: str
) -> dict[str, Any]:
    """The same for programs, with every round."""
    return {
        "part": part,
        "machine": machine,
        "versions": versions,
        "results": [
            {"name": result.name, "unit": result.unit, "rounds": result.rounds, "failures": result.failures}
            for result in results
        ],
    }


def _cell(result: Measured, engine: str) -> str:
    middle, least = result.median(engine), result.least(engine)
    if middle is None or least is None:
        return _UNKNOWN
    digits = 0 if middle >= 100 else 1
    return f"{middle:.{digits}f}" if len(result.rounds[engine]) == 1 else f"{middle:.{digits}f} ({least:.{digits}f})"


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
