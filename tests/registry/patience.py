"""What has nothing in its way any more, asked of a database that has little patience."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from registry.errors import DatabaseBusy

T = TypeVar("T")


async def in_the_end(ask: Callable[[], Awaitable[T]]) -> T:
    """What is answered; asked again where the machine, and no lock, has taken longer than the patience lasts."""
    while True:
        try:
            return await ask()
        except DatabaseBusy:
            pass
