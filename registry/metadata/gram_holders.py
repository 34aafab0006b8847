"""Which repositories have the pieces of a text in their names or descriptions, as an index tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from registry import limits
from registry.metadata.schema import search_gram

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Select

    from registry.metadata.statements import Runner

# More narrow hardly further, and each is a question to the index.
_GRAMS: Final = 8


def of_rarest(runner: Runner, grams: Collection[str]) -> tuple[Select[Any], bool]:
    """Give the ids of repositories with the rarest of `grams`, and whether they are all.

    Where they are too many to be looked at, they are the newest.
    """
    bound = limits.LOOKED_AT_REPOSITORIES
    counts = {gram: runner.value(_count(gram, bound + 1)) for gram in sorted(grams)[:_GRAMS]}
    rarest = min(counts, key=lambda gram: counts[gram])
    holders = _holding(rarest).order_by(search_gram.c.repository_id.desc()).limit(bound).subquery()
    return select(holders.c.repository_id), counts[rarest] <= bound


def _count(gram: str, limit: int) -> Select[Any]:
    return select(func.count()).select_from(_holding(gram).limit(limit).subquery())


def _holding(gram: str) -> Select[Any]:
    return select(search_gram.c.repository_id).where(search_gram.c.gram == gram)
