"""How far long work has come, told as it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What is counted."""

    BYTES = "bytes"
    PIECES = "pieces"


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` (None: nobody knows) at the step that `stage` names, in a word or two."""

    stage: str
    done: int
    total: int | None
    unit: Unit = Unit.PIECES


Watcher = Callable[[Progress], None]
"""Is told often, and must be quick."""


def unwatched(_progress: Progress) -> None:
    """Let work go on that nobody watches."""
