"""Attempts and the pauses between them (RFC 9110, "Retry-After")."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from registry_client.errors import RateLimited, Refused, Unavailable, Unreachable, Untrusted
from registry_client.settings import Settings

T = TypeVar("T")
Passing = Unreachable | RateLimited | Unavailable

_PASSING = frozenset({429, 502, 503, 504})


async def repeated(attempt: Callable[[], Awaitable[T]], settings: Settings) -> T:
    """What `attempt` gives in the end; it is made again after failures that pass, as often as `settings` say."""
    failures = 0
    while True:
        try:
            return await attempt()
        except (Unreachable, RateLimited, Unavailable) as error:
            failures += 1
            if failures >= settings.attempts or not may_pass(error, settings):
                raise
            wanted_s = retry_after_s(error)
        await pause(failures, settings, wanted_s)


async def pause(failures: int, settings: Settings, wanted_s: float = 0) -> None:
    """Wait after so many failures: longer each time, with some chance in it, and as long as the registry wants."""
    longest_s = min(settings.backoff_max_s, settings.backoff_s * 2 ** (failures - 1))
    # Clients that failed together must not come back together.
    chosen_s = random.uniform(longest_s / 2, longest_s)  # noqa: S311 - no secret
    await asyncio.sleep(max(wanted_s, chosen_s))


def may_pass(error: Passing, settings: Settings) -> bool:
    """Whether it is worth trying again, after a pause that is not too long."""
    if isinstance(error, Unreachable):
        return not isinstance(error, Untrusted)
    return error.status in _PASSING and retry_after_s(error) <= settings.retry_after_max_s


def retry_after_s(error: Passing) -> float:
    """How long the registry wants to be left alone."""
    return (error.retry_after_s or 0) if isinstance(error, Refused) else 0
