"""What the commands about containers have in common."""

from __future__ import annotations

import sys

from runner.containers import finding, sweeping
from runner.containers.folders import at
from runner.errors import RunnerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runner.cli.main import Places
    from runner.containers.folders import Folders, Place


def folders(places: Places) -> Folders:
    """Where containers are, once what killed commands and monitors left behind is cleared away."""
    found = at(places.root, places.state)
    sweeping.sweep(found)
    return found


def each(places: Places, words: Sequence[str], work: Callable[[Folders, Place], str | None]) -> int:
    """Do something with each container that is named, and print its answer, or the name; the status to end with."""
    found, status = folders(places), 0
    for word in words:
        try:
            said = work(found, finding.find(found, word))
            print(word if said is None else said)
        except RunnerError as error:
            print(f"Error: {error}", file=sys.stderr)
            status = 1
    return status


def warn(text: str) -> None:
    """Tell the user what had to be left out, in docker's way."""
    print(f"WARNING: {text}", file=sys.stderr)
