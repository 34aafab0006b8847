"""Starting a container: it is prepared, its monitor is given the order, and tells what comes of it."""

from __future__ import annotations

import os

from runner.containers import failures, protocol
from runner.containers.errors import MonitorLost, StartFailed
from runner.containers.monitor import order
from runner.containers.monitor.order import Order
from runner.containers.permissions import UsualUmask
from runner.containers.preparing import Prepared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runner.containers.folders import Folders, Place
    from runner.containers.records import Container
    from runner.containers.spawning import Monitor


def start(
    folders: Folders,
    place: Place,
    container: Container,
    monitor: Monitor,
    *,
    size: tuple[int, int] | None,
    warn: Callable[[str], None],
    ready: Callable[[], None] | None = None,
) -> None:
    """Have the monitor start the container, whose lock is the caller's, and of whose last run nothing is left.

    Args:
        folders: where.
        place: the container's.
        container: what it is.
        monitor: begun by this process.
        size: rows and columns of this process's terminal, where the container's is to have them.
        warn: told what had to be left out.
        ready: called when the bundle is written, and nothing of the container's runs.

    Raises:
        StartFailed: it was not started; nothing of the attempt is left.
        MonitorLost: the monitor was killed.
        RunnerError, OSError: nothing was begun.
    """
    rows, columns = size or (None, None)
    wanted = Order(container.id, folders.root, folders.state, rows, columns)
    with UsualUmask():
        for folder in (place.passing, place.rootfs):
            if not os.path.isdir(folder):
                os.mkdir(folder, 0o700)
        try:
            prepared = Prepared(folders, place, container)
        except Exception as error:  # noqa: BLE001 - whatever it is, the container shall not be left as it is now
            # The monitor writes down why, and takes away what there is: it has all that this takes.
            status, reason = failures.of(error)
            _give(monitor, wanted._replace(status=status, reason=reason))
            _wait(container, monitor, warn)
            return
    with prepared:
        for warning in prepared.warnings:
            warn(warning)
        if ready is not None:
            ready()
        _give(monitor, wanted, prepared.mounts)
    _wait(container, monitor, warn)


def _give(monitor: Monitor, wanted: Order, mounts: Sequence[int] = ()) -> None:
    try:
        order.send(monitor.end, wanted, mounts)
    except ConnectionError as error:
        # It has ended while it loaded what it needs.
        raise MonitorLost(wanted.container) from error


def _wait(container: Container, monitor: Monitor, warn: Callable[[str], None]) -> None:
    while True:
        message = monitor.receive()
        kind = message[:1]
        if kind == protocol.WARNING:
            warn(message[1:].decode("utf-8", "replace"))
        elif kind == protocol.FAILED:
            status, reason = protocol.status_of(message)
            raise StartFailed(reason, status)
        elif kind == protocol.STARTED:
            return
        else:
            raise MonitorLost(container.id)
