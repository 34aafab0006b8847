"""Values of flags, with errors that name their flag."""

from __future__ import annotations

from runner.cli.errors import UsageError
from runner.cli.parsing import invalid
from runner.errors import RunnerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from runner.cli.parsing import Arguments

    Value = TypeVar("Value")


class Reading:
    """Reads the arguments of one command; parsers raise ValueError or RunnerError for what is no value of theirs."""

    def __init__(self, arguments: Arguments) -> None:
        self.arguments = arguments

    def value(self, name: str, parse: Callable[[str], Value]) -> Value | None:
        """The value of a flag; None where it is not given."""
        text = self.arguments.text(name)
        return None if text is None else self._parsed(name, parse, text)

    def word(self, name: str, parse: Callable[[str], Value]) -> Value | None:
        """The same of a flag whose empty value says no more than none."""
        return self.value(name, parse) if self.arguments.text(name) else None

    def values(self, name: str, parse: Callable[[str], Value]) -> list[Value]:
        """All values of a flag."""
        return [self._parsed(name, parse, text) for text in self.arguments.texts(name)]

    def number(self, name: str, lowest: int, highest: int) -> int | None:
        """A number between two bounds, both of them allowed."""
        number = self.arguments.number(name)
        if number is not None and not lowest <= number <= highest:
            raise self.wrong(name, f"expected a number from {lowest} to {highest}")
        return number

    def wrong(self, name: str, reason: str) -> UsageError:
        """The error that says what is wrong with a flag's only value."""
        value = self.arguments.text(name)
        return invalid(self.arguments, name, "" if value is None else value, reason)

    def conflict(self, reason: str) -> UsageError:
        """The error that says which flags contradict each other."""
        return UsageError(self.arguments.command.words(), f"runner: {reason}")

    def _parsed(self, name: str, parse: Callable[[str], Value], text: str) -> Value:
        try:
            return parse(text)
        except (ValueError, RunnerError) as error:
            raise invalid(self.arguments, name, text, str(error)) from error
