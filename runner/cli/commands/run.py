"""runner run: a new container of an image, started, and waited for unless it is to run in the background."""

from __future__ import annotations

from runner.containers import spawning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.cli.main import Places
    from runner.cli.parsing import Arguments


def run(arguments: Arguments, places: Places) -> int:
    """Make and start the container; its exit status, or 0 where it is not waited for."""
    # It was begun before anything was known of the command line, and loads what it needs.
    monitor = spawning.take()
    try:
        from runner.cli import running

        return running.run(arguments, places, monitor)
    except BaseException:
        monitor.dismiss()
        raise
