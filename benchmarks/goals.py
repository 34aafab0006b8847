"""What Moorage sets out to reach beside distribution and by itself, and whether a run reached it."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.results import Comparison, Figures, Result
from benchmarks.servers import DISTRIBUTION, MOORAGE, WITH_ACCOUNTS


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on one figure of the workloads whose names match `pattern`: of a server, in proportion to another one."""

    pattern: str
    figure: str
    bound: float
    at_least: bool
    of: str = MOORAGE
    beside: str = DISTRIBUTION

    @property
    def text(self) -> str:
        """The goal as people read it: `speed ≥ 3`."""
        return f"{self.figure} {'≥' if self.at_least else '≤'} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run has to say about one goal in one workload."""

    workload: str
    goal: Goal
    reached: float

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.reached >= self.goal.bound if self.goal.at_least else self.reached <= self.goal.bound


# The more connections there are, the less a figure depends on how the kernel spreads them over the workers.
GOALS = (
    Goal("manifest GET by tag, c=64", "speed", 3, at_least=True),
    Goal("manifest GET by tag, c=8", "speed", 3, at_least=True),
    Goal("manifest HEAD by tag, c=64", "speed", 3, at_least=True),
    Goal("manifest HEAD by tag, c=8", "speed", 3, at_least=True),
    Goal("blob HEAD, c=64", "speed", 2.5, at_least=True),
    Goal("blob HEAD, c=8", "speed", 2.5, at_least=True),
    Goal("blob GET 1 KiB, c=*", "speed", 10, at_least=True),
    Goal("blob GET 1 MiB, c=8", "speed", 3, at_least=True),
    Goal("blob GET 100 MiB, c=8", "speed", 1.4, at_least=True),
    Goal("blob GET 100 MiB, c=8", "CPU", 0.5, at_least=False),
    Goal("blob upload 1 MiB, *, c=8", "speed", 1.5, at_least=True),
    Goal("blob upload 100 MiB, *, c=8", "speed", 1.2, at_least=True),
    Goal("blob upload 100 MiB, *, c=8", "CPU", 0.7, at_least=False),
    Goal("S3: blob upload *", "speed", 1.5, at_least=True),
    Goal("S3: blob GET *, c=?", "speed", 1, at_least=True),
    Goal("S3: blob upload 16 MiB, *, c=64", "memory", 600, at_least=False),
    Goal("start*, to the first answer", "seconds", 1, at_least=False),
    Goal("manifest GET with a token, c=*", "speed", 0.9, at_least=True, of=WITH_ACCOUNTS, beside=MOORAGE),
)

_FIGURES: dict[str, Callable[[Comparison, Figures], float | None]] = {
    "speed": lambda comparison, _: comparison.speed,
    "CPU": lambda comparison, _: comparison.cpu,
    "seconds": lambda _, figures: figures.value,
    "memory": lambda _, figures: None if figures.pss is None else figures.pss / 2**20,
}


def judge(results: Iterable[Result]) -> list[Verdict]:
    """What `results` say about the goals, in the order of the results; nothing where a figure is missing."""
    verdicts = []
    for result in results:
        for goal in GOALS:
            if fnmatch.fnmatchcase(result.name, goal.pattern):
                comparison, figures = result.compare(goal.of, goal.beside), result.figures(goal.of)
                reached = _FIGURES[goal.figure](comparison, figures)
                if reached is not None:
                    verdicts.append(Verdict(result.name, goal, reached))
    return verdicts
