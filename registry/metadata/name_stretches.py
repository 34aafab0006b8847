"""Names between two bounds, and patterns of names, as conditions that the order of an index answers.

Names are compared by their bytes. In them stand lower-case letters, digits, `-`, `.`, `/` and `_`, so that `!` sorts
before all that a name can go on with, and `~` after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_

from registry.wildcards import WILDCARD

if TYPE_CHECKING:
    from typing import Self

    from sqlalchemy import ColumnElement

_BEFORE: Final = "!"
_BEYOND: Final = "~"
_ESCAPE: Final = "\\"


@dataclass(frozen=True, slots=True)
class Stretch:
    """The names from `first` on and before `end` that all of `patterns` fit."""

    first: str = ""
    end: str = _BEYOND
    patterns: tuple[str, ...] = ()

    @classmethod
    def of(cls, pattern: str) -> Self:
        """Give the names that `pattern` fits."""
        start, wildcard, rest = pattern.partition(WILDCARD)
        if not wildcard:
            return cls(start, start + _BEFORE)
        return cls(start, start + _BEYOND, (pattern,) if rest else ())

    def within(self, other: Stretch) -> Stretch:
        """Give the names that are in both."""
        return Stretch(max(self.first, other.first), min(self.end, other.end), self.patterns + other.patterns)

    def after(self, name: str) -> Stretch:
        """Give the names of it that sort after `name`."""
        return Stretch(max(self.first, name + _BEFORE), self.end, self.patterns)

    @property
    def is_empty(self) -> bool:
        """Whether no name can be in it."""
        return self.first >= self.end

    def holds(self, column: ColumnElement[str]) -> ColumnElement[bool]:
        """Say that the name in `column` is one of it."""
        return and_(column >= self.first, column < self.end, *(fits(column, pattern) for pattern in self.patterns))


def fits(column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
    """Say that `pattern` fits the name in `column`."""
    # SQLite's LIKE takes capital letters for small ones; there are none on either side.
    return column.like(pattern.replace("_", f"{_ESCAPE}_").replace(WILDCARD, "%"), escape=_ESCAPE)
