"""What a container is doing. It is never taken from a file alone: whether it runs is whether its monitor lives."""

from __future__ import annotations

from runner.containers import liveness, records
from runner.containers.clock import NEVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from runner.containers.folders import Place
    from runner.containers.records import Outcome

CREATED: Final = "created"
RUNNING: Final = "running"
EXITED: Final = "exited"
DEAD: Final = "dead"
"""Its monitor was killed while it ran, and nobody has taken away yet what is left."""


def of(place: Place) -> str:
    """Docker's word for it."""
    return told(records.outcome(place), monitored=liveness.monitor_of(place) is not None)


def told(outcome: Outcome | None, *, monitored: bool) -> str:
    """The same, of what is known."""
    if outcome is None or not outcome.started:
        return CREATED
    if outcome.finished != NEVER:
        return EXITED
    return RUNNING if monitored else DEAD
