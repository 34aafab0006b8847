"""runner start: containers that do not run."""

from __future__ import annotations

import os
import sys

from runner.cli import containers, foreground
from runner.cli.errors import Failed
from runner.cli.main import Places
from runner.cli.parsing import Arguments
from runner.containers import attaching, ending, finding, records, settling, starting
from runner.containers import status as statuses
from runner.containers.errors import MonitorPresent, StartFailed
from runner.containers.folders import Folders, Place
from runner.containers.spawning import Monitor
from runner.errors import RunnerError


def run(arguments: Arguments, places: Places) -> int:
    """Start each of them, and stay with it if that is asked for; the status to end with."""
    if arguments.flag("attach") or arguments.flag("interactive"):
        return _stay(arguments, places)
    return containers.each(places, arguments.words, _start)


def _stay(arguments: Arguments, places: Places) -> int:
    if len(arguments.words) > 1:
        raise Failed("you cannot start and attach multiple containers at once")
    has_input = arguments.flag("interactive")
    wanted = foreground.Wanted(
        has_input=has_input, keys=arguments.text("detach-keys"), passes_signals=arguments.flag("sig-proxy")
    )
    folders = containers.folders(places)
    place = finding.find(folders, arguments.words[0])
    container = records.read(place)
    foreground.check_terminal(container.settings.terminal, has_input=has_input)
    if statuses.of(place) == statuses.RUNNING:
        raise Failed("Error: the container runs already; `runner attach` connects to it")
    monitor = Monitor()
    try:
        _begin(folders, place, monitor)
    except StartFailed as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.status
    return foreground.follow(folders, place, container, end=monitor.end, wanted=wanted)


def _start(folders: Folders, place: Place) -> None:
    if statuses.of(place) == statuses.RUNNING:
        return
    monitor = Monitor()
    try:
        _begin(folders, place, monitor)
    finally:
        monitor.end.close()


def _begin(folders: Folders, place: Place, monitor: Monitor) -> None:
    """Have the monitor start the container; it is dismissed where that cannot be.

    Raises:
        RunnerError: it was not started.
    """
    try:
        lock = settling.lock(place)
        try:
            # One whose container has just ended may be about to end, too.
            if not ending.outlast(place):
                raise MonitorPresent(place.container)
            settling.settle(folders, place)
            container = records.read(place)
            starting.start(folders, place, container, monitor, size=attaching.terminal_size(), warn=containers.warn)
        finally:
            os.close(lock)
    except (RunnerError, OSError):
        monitor.dismiss()
        raise
