"""What is wrong with a configuration. `ConfigInvalid` carries every `Problem` that was found, not only the first."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to correct: where it was read (`file:line`, a variable, the command line), the key, what is wrong."""

    origin: str
    key: str
    reason: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.origin, self.key, self.reason) if part)


class ConfigInvalid(Exception):
    """The configuration cannot be used; its text has one line per problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(tuple(problems))
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)
