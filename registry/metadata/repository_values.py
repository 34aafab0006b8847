"""The values that lists of repositories give, plain like those of `registry.metadata.rows`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from registry.metadata.rows import Position, RepositorySummary


class Search(msgspec.Struct, frozen=True):
    """What to find: `text` is what was asked for, `terms` its words, all of which have to be there; in small letters.

    `after.key` is the rank of the last one of the page before.
    """

    text: str
    terms: tuple[str, ...]
    limit: int
    after: Position | None = None


class FoundPage(msgspec.Struct, frozen=True):
    """Some of the repositories that a search found, best first, and after which the next page begins (None: no more).

    `complete` is False where so many may match that not all of them were looked at.
    """

    repositories: list[RepositorySummary]
    after: Position | None
    complete: bool


class RepositoryPage(msgspec.Struct, frozen=True):
    """Some of the repositories that were searched for, and after which the next page begins (None: no more).

    Where too many would have to be looked at to fill it, a page has fewer than it may have, or none, and goes on
    after the last one that was looked at.
    """

    repositories: list[RepositorySummary]
    after: Position | None
