"""Starting a container: its root is mounted, its bundle written, and its monitor begun, which does the rest."""

from __future__ import annotations

import _socket
import os
import select

from runner.containers import bundling, layers, overlay, protocol
from runner.containers.errors import MonitorLost, StartFailed
from runner.containers.monitor import order
from runner.containers.monitor.order import Order
from runner.oci import protection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.containers.folders import Folders, Place
    from runner.containers.records import Container

_CONTROL = 3
_LAUNCHER = f"{os.path.dirname(__file__)}/monitor/launch.py"


class Monitor:
    """A monitor that this process has begun, and the first client's end of what they say to each other."""

    __slots__ = ("_pid", "end")

    def __init__(self) -> None:
        """Begin one, in a session of its own. It loads what it needs while other things are done here."""
        self.end, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        interpreter = protection.open_interpreter()
        nothing = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        actions = [(os.POSIX_SPAWN_DUP2, nothing, standard) for standard in range(3)]
        actions.append((os.POSIX_SPAWN_DUP2, theirs.fileno(), _CONTROL))
        try:
            self._pid = os.posix_spawn(
                f"/proc/self/fd/{interpreter}",
                protection.command(_LAUNCHER),
                os.environ,
                file_actions=actions,
                setsid=True,
            )
        finally:
            os.close(nothing)
            os.close(interpreter)
            theirs.close()

    def receive(self) -> bytes:
        """Its next message; empty where it has ended.

        The container's first process may have its end of the socket until it is started, so that does not tell.
        """
        poll = select.poll()
        ended = os.pidfd_open(self._pid)
        poll.register(self.end, select.POLLIN)
        poll.register(ended, select.POLLIN)
        try:
            happened = dict(poll.poll())
        finally:
            os.close(ended)
        return protocol.receive(self.end) if self.end.fileno() in happened else b""

    def dismiss(self) -> None:
        """Let it end if there is nothing for it to start, and see that. It may be repeated."""
        self.end.close()
        if self._pid:
            os.waitpid(self._pid, 0)
            self._pid = 0


def start(
    folders: Folders,
    place: Place,
    container: Container,
    monitor: Monitor,
    *,
    size: tuple[int, int] | None,
    warn: Callable[[str], None],
) -> None:
    """Have the monitor start the container, whose lock is the caller's, and of whose last run nothing is left.

    Args:
        folders: where.
        place: the container's.
        container: what it is.
        monitor: begun by this process.
        size: rows and columns of this process's terminal, where the container's is to have them.
        warn: told what had to be left out.

    Raises:
        StartFailed: it was not started; nothing of the attempt is left.
        MonitorLost: the monitor was killed.
        RunnerError, OSError: nothing was begun.
    """
    for folder in (place.passing, place.rootfs):
        if not os.path.isdir(folder):
            os.mkdir(folder, 0o700)
    kept: int | None = None
    root = overlay.mount(place, layers.directories(folders, container), volatile=container.settings.remove)
    try:
        warnings, kept = bundling.write(folders, place, container, root)
        for warning in warnings:
            warn(warning)
        rows, columns = size or (None, None)
        order.send(monitor.end, Order(container.id, folders.root, folders.state, rows, columns), root)
        _await_start(monitor, container, warn)
    finally:
        os.close(root)
        if kept is not None:
            os.close(kept)


def _await_start(monitor: Monitor, container: Container, warn: Callable[[str], None]) -> None:
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
