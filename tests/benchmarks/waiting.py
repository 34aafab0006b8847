"""Waiting for another process to come to something."""

import time
from collections.abc import Callable

_DEADLINE_S = 30.0
_POLL_S = 0.01


def wait_until(condition: Callable[[], bool]) -> None:
    """Return as soon as `condition` holds; the test fails when it does not come to hold."""
    deadline = time.monotonic() + _DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(_POLL_S)
