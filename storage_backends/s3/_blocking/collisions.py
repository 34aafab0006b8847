"""Requests for new objects that meet others, asked again until those are through."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from storage_backends.s3.faults import is_collision

# In two thirds of a second at most: so long a registry waits that is not allowed to write, too, before it says so.
_TRIES = 6
_PAUSE_S = 0.02


def past_collisions(make: Callable[[], Any]) -> None:
    """Make a request for a new object, again where it met another one. It raises boto3's errors."""
    for collisions in range(_TRIES):
        try:
            make()
        except ClientError as error:
            if not is_collision(error) or collisions == _TRIES - 1:
                raise
            time.sleep(random.uniform(0, _PAUSE_S * 2**collisions))  # noqa: S311 - it hides nothing
        else:
            return
