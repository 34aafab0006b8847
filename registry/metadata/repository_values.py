"""The values that lists of repositories give, plain like those of `registry.metadata.rows`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry.metadata.rows import Position, RepositorySummary


@dataclass(frozen=True, slots=True)
class RepositoryPage:
    """Some of the repositories that were searched for, and after which the next page begins (None: no more).

    Where too many would have to be looked at to fill it, a page has fewer than it may have, or none, and goes on
    after the last one that was looked at.
    """

    repositories: list[RepositorySummary]
    after: Position | None
