"""Ending a container, and waiting for its end."""

from __future__ import annotations

import os
import select
import time

from runner.containers import liveness, protocol, reaching, records, removal, settling, signalling, status, sweeping
from runner.containers.errors import ContainerNotRunning, ContainerRunning, ContainerStays, ContainerUnknown
from runner.containers.settings import DEFAULT_STOP_TIMEOUT_S
from runner.plain_signal import signal
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from typing import Final

    from runner.containers.folders import Folders, Place
    from runner.containers.settings import Settings

_DEATH_TIMEOUT_S: Final = 10.0
_AGAIN_S: Final = 0.02


def kill(place: Place, number: int) -> None:
    """Send a signal to the container's first process.

    Raises:
        ContainerNotRunning: there is none.
    """
    running = records.running(place) if status.of(place) == status.RUNNING else None
    if running is None or not signalling.send(running, number):
        raise ContainerNotRunning(place.container)


def stop(place: Place, settings: Settings, *, number: int | None = None, timeout_s: int | None = None) -> None:
    """Ask the container to end; after a time it is not asked any more. Nothing happens to one that does not run.

    Args:
        place: the container's.
        settings: which have signal and time where they are not given.
        number: the signal that asks it.
        timeout_s: how long it is waited for; -1 for any time.

    Raises:
        ContainerStays: not even SIGKILL has ended it.
    """
    monitor = _monitor_of_running(place)
    if monitor is None:
        return
    if timeout_s is None:
        timeout_s = DEFAULT_STOP_TIMEOUT_S if settings.stop_timeout_s is None else settings.stop_timeout_s
    try:
        _signal(place, signalling.of_stop(settings) if number is None else number)
        if not _ends(monitor, None if timeout_s < 0 else timeout_s):
            _signal(place, signal.SIGKILL)
            if not _ends(monitor, _DEATH_TIMEOUT_S):
                raise ContainerStays(place.container)
    finally:
        os.close(monitor)


def end(place: Place) -> None:
    """End the container at once, whatever it is doing.

    Raises:
        ContainerStays: not even SIGKILL has ended it.
    """
    monitor = liveness.opened_monitor(place)
    if monitor is None:
        return
    deadline = time.monotonic() + _DEATH_TIMEOUT_S
    try:
        # Its monitor may be at its beginning, and have nothing yet that can be killed.
        _signal(place, signal.SIGKILL)
        while not _ends(monitor, _AGAIN_S):
            _signal(place, signal.SIGKILL)
            if time.monotonic() > deadline:
                raise ContainerStays(place.container)
    finally:
        os.close(monitor)


def outlast(place: Place) -> bool:
    """Wait for the end of a monitor whose container has ended; False if it goes on."""
    monitor = liveness.opened_monitor(place)
    if monitor is None:
        return True
    try:
        return status.of(place) != status.RUNNING and _ends(monitor, _DEATH_TIMEOUT_S)
    finally:
        os.close(monitor)


def discard(folders: Folders, place: Place, *, force: bool, with_volumes: bool) -> None:
    """Remove the container for good.

    Args:
        folders: where.
        place: the container's.
        force: whether it is ended first, if it runs.
        with_volumes: whether the volumes that were made with it go, too.

    Raises:
        ContainerUnknown: it has gone.
        ContainerRunning: it runs, and is not to be ended.
        ContainerStays: not even SIGKILL has ended it.
    """
    lock = settling.lock(place)
    try:
        container = records.read(place)
        if status.of(place) == status.RUNNING and not force:
            raise ContainerRunning(container.name)
        end(place)
        if not os.path.isdir(place.lasting):
            # It was to be removed at its end anyway.
            return
        settling.settle(folders, place)
        if os.path.isdir(place.lasting):
            if with_volumes:
                removal.remove_with_volumes(folders, place, container.settings)
            else:
                removal.remove(folders, place)
    finally:
        os.close(lock)


def wait(folders: Folders, place: Place) -> int:
    """Wait until the container does not run; its exit status. One that runs not has had its last one already.

    Raises:
        ContainerUnknown: it has gone.
    """
    client = reaching.connect(place)
    if client is not None:
        told = _told_end(client)
        client.close()
        if told is not None:
            return told
    monitor = liveness.opened_monitor(place)
    if monitor is not None:
        _ends(monitor, None)
        os.close(monitor)
    sweeping.sweep(folders)
    if not os.path.isdir(place.lasting):
        raise ContainerUnknown(place.container)
    outcome = records.outcome(place)
    return 0 if outcome is None else outcome.exit_code


def _told_end(client: _socket.socket) -> int | None:
    """The exit status, as the container's monitor tells it; None where that is killed."""
    with Suppressed(OSError):
        # It may be about to end, and hear no more; its last word comes all the same.
        client.send(protocol.QUIET)
    # What came before it was heard is of no interest.
    while message := protocol.receive(client):
        if message[:1] == protocol.ENDED:
            return protocol.status_of(message)[0]
    return None


def _monitor_of_running(place: Place) -> int | None:
    """A descriptor of the monitor of a container that has been started, or is about to be."""
    if status.of(place) != status.RUNNING:
        # Somebody may be at it.
        os.close(settling.lock(place))
    return liveness.opened_monitor(place)


def _signal(place: Place, number: int) -> None:
    with Suppressed(ContainerNotRunning):
        kill(place, number)


def _ends(monitor: int, timeout_s: float | None) -> bool:
    """Whether a process, by its descriptor, ends within a time."""
    poll = select.poll()
    poll.register(monitor, select.POLLIN)
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if poll.poll(None if left is None else left * 1000):
            return True
        if left is not None and left <= 0:
            return False
