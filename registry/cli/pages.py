"""Listings of the services, page after page to their end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


async def every(page: Callable[[str], Awaitable[Sequence[T]]], name: Callable[[T], str]) -> list[T]:
    """All that is listed by name: `page` gives some of those after a name, and none at the end."""
    found: list[T] = []
    while part := await page(name(found[-1]) if found else ""):
        found += part
    return found
