"""runner run: a new container of an image, started, and waited for unless it is to run in the background."""

from __future__ import annotations

from runner.containers.spawning import Monitor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.cli.main import Places
    from runner.cli.parsing import Arguments


def run(arguments: Arguments, places: Places) -> int:
    """Make and start the container; its exit status, or 0 where it is not waited for."""
    # First of all: it loads what it needs while this process does the same, and looks for the image.
    monitor = Monitor()
    try:
        from runner.cli import running

        return running.run(arguments, places, monitor)
    except BaseException:
        monitor.dismiss()
        raise
