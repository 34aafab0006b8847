"""Waiting for what others do in their own time: until it is so, and not for so long."""

import time
from collections.abc import Callable

# It ends a test that hangs, and nothing else: a machine that does much else may take long over anything.
_DEADLINE_S = 90.0
_POLL_S = 0.01


def until(reached: Callable[[], bool]) -> None:
    """Return as soon as the condition holds; the test fails when it does not come to hold."""
    deadline = time.monotonic() + _DEADLINE_S
    while not reached():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(_POLL_S)
