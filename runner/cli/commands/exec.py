"""runner exec: a further program in a container that runs.

First of all the container's monitor is reached: it forks a process for this one, which loads meanwhile all that says
what is to be executed (`cli.further`).
"""

from __future__ import annotations

from runner.cli.exec_table import EXEC
from runner.cli.main import Places
from runner.cli.parsing import Arguments
from runner.containers import finding, folders, reaching
from runner.errors import RunnerError
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket

    from runner.containers.folders import Folders, Place


__all__ = ["EXEC", "run"]


def run(arguments: Arguments, places: Places) -> int:
    """Execute it; its exit status, or 0 where it is not waited for."""
    found = folders.at(places.root, places.state)
    reached = _reach(found, arguments.words[0])
    # Only now, as above.
    from runner.cli import further

    return further.execute(arguments, found, reached)


def _reach(found: Folders, text: str) -> tuple[Place, _socket.socket] | None:
    """A container, and the connection to its monitor; None without, for whatever reason: that is looked at later."""
    with Suppressed(RunnerError):
        place = finding.find(found, text)
        end = reaching.connect(place, reaching.EXEC)
        return None if end is None else (place, end)
    return None
