"""Moments as docker writes them: RFC 3339 with nanoseconds, in UTC."""

from __future__ import annotations

import time

NEVER = "0001-01-01T00:00:00Z"
"""What stands for a moment that has not come."""


def now() -> str:
    """This moment."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{nanoseconds:09d}Z"
