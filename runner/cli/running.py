"""A new container of an image, started, and waited for unless it is to run in the background."""

from __future__ import annotations

import os
import sys

from oci_spec.errors import OciSpecError
from runner.cli import container_creation, containers, foreground
from runner.cli.creation.settings_reading import read_settings
from runner.cli.errors import Failed
from runner.containers import attaching, settling
from runner.containers.errors import StartFailed
from runner.containers.starting import start
from runner.errors import RunnerError, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.cli.explaining import Explanation
    from runner.cli.main import Places
    from runner.cli.parsing import Arguments
    from runner.containers.folders import Folders, Place
    from runner.containers.records import Container
    from runner.containers.settings import Settings
    from runner.containers.spawning import Monitor

_REFUSED = 125


def run(arguments: Arguments, places: Places, monitor: Monitor) -> int:
    """Make the container, and have a monitor that was begun start it; the status to end with."""
    settings = read_settings(arguments)
    detached = arguments.flag("detach")
    wanted = foreground.Wanted(
        has_input=settings.stdin_open and not detached,
        keys=arguments.text("detach-keys"),
        passes_signals=arguments.flag("sig-proxy"),
    )
    foreground.check_terminal(settings.terminal, has_input=wanted.has_input)
    try:
        folders = containers.folders(places)
        explanation = _explanation(folders) if places.explain else None
        place, container = _begin(folders, settings, monitor, arguments=arguments, explanation=explanation)
    except StartFailed as error:
        monitor.dismiss()
        print(f"runner: {error}", file=sys.stderr)
        return error.status
    except Failed as error:
        monitor.dismiss()
        print(error, file=sys.stderr)
        return _REFUSED
    except (RunnerError, OciSpecError, OSError) as error:
        monitor.dismiss()
        print(f"runner: {told(error) if isinstance(error, OSError) else error}", file=sys.stderr)
        return _REFUSED
    if detached:
        print(container.id)
        return 0
    return foreground.follow(folders, place, container, end=monitor.end, wanted=wanted)


def _explanation(folders: Folders) -> Explanation:
    # Only here: who does not ask for it shall not pay for it.
    from runner.cli.explaining import Explanation

    return Explanation(folders)


def _begin(
    folders: Folders, settings: Settings, monitor: Monitor, *, arguments: Arguments, explanation: Explanation | None
) -> tuple[Place, Container]:
    """Make the container, and have the monitor start it.

    Raises:
        RunnerError, OciSpecError, OSError: it cannot be.
    """
    foreground_wanted = not arguments.flag("detach")
    if explanation is not None:
        explanation.look(settings)
    container, lock = container_creation.create(folders, settings, arguments, foreground=foreground_wanted, by_run=True)
    place = folders.place(container.id)
    size = attaching.terminal_size() if foreground_wanted else None
    try:
        if explanation is None:
            start(folders, place, container, monitor, size=size, warn=containers.warn)
        else:
            _start_explained(folders, place, container, monitor, size=size, explanation=explanation)
    except (RunnerError, OSError):
        monitor.dismiss()
        if os.path.isdir(place.lasting):
            settling.settle(folders, place)
        raise
    finally:
        os.close(lock)
    return place, container


def _start_explained(
    folders: Folders,
    place: Place,
    container: Container,
    monitor: Monitor,
    *,
    size: tuple[int, int] | None,
    explanation: Explanation,
) -> None:
    """The same as `start`, with each step told."""

    def ready() -> None:
        explanation.ready(place, container)

    explanation.create(container)
    start(folders, place, container, monitor, size=size, warn=containers.warn, ready=ready)
    explanation.started(place, container)
