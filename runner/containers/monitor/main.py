"""A container's monitor: it has the container made and started, carries its streams, and tells its end.

It is a process of its own for each container, for there is no daemon. The command line that begins it gives it one
end of a socket pair as descriptor 3, and the order there, with what it has prepared meanwhile. From then on it depends
on nobody: the command line may end, or be killed.
"""

from __future__ import annotations

import _socket
import os

from runner import text_files
from runner.cgroups import hierarchies
from runner.containers import (
    cleaning,
    documents,
    failures,
    liveness,
    protocol,
    reaching,
    records,
    removal,
    runtimes,
    signalling,
)  # fmt: skip
from runner.containers.clock import now
from runner.containers.errors import ContainerUnknown, MonitorPresent
from runner.containers.folders import Folders
from runner.containers.monitor import connecting, order, rootfs
from runner.containers.monitor.clients import Listener
from runner.containers.monitor.logs import LogWriter
from runner.containers.monitor.loop import HEEDED, Loop
from runner.containers.monitor.streams import Streams
from runner.containers.records import Outcome, Running
from runner.containers.settings import TMPFS
from runner.containers.wakeup import Wakeup
from runner.errors import RunnerError
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runner.cgroups.group import Cgroup
    from runner.containers.folders import Place
    from runner.containers.monitor.clients import Client
    from runner.containers.monitor.order import Order
    from runner.containers.monitor.requests import Requests
    from runner.containers.records import Container
    from runner.containers.runtimes import Bundle
    from runner.network.ports import HeldPort

_CONTROL = 3


def main() -> int:
    """Do all of it; the exit status tells nobody anything."""
    # What whoever called has of these is not the container's, and must not be held for as long as that runs.
    os.chdir("/")
    os.umask(0o022)
    received = order.receive(_CONTROL)
    if received is None:
        return 0
    wanted, client, mounts = received
    folders = Folders(wanted.root, wanted.state)
    place = folders.place(wanted.container)
    try:
        lock = liveness.hold(place)
        if lock is None:
            raise MonitorPresent(place.container)
        container = records.read(place)
    except (RunnerError, FileNotFoundError) as error:
        text = str(error) if isinstance(error, RunnerError) else str(ContainerUnknown(place.container))
        client.send(protocol.status_message(protocol.FAILED, failures.REFUSED, text))
        client.finish()
        return 0
    run = _Run(folders, place, container, wanted=wanted, client=client, lock=lock)
    if wanted.reason:
        run.give_up(wanted.status, wanted.reason)
    else:
        run.go(mounts)
    return 0


class _Run:
    """One run of a container."""

    def __init__(
        self, folders: Folders, place: Place, container: Container, *, wanted: Order, client: Client, lock: int
    ) -> None:
        self._folders = folders
        self._place = place
        self._container = container
        self._settings = container.settings
        self._order = wanted
        self._client = client
        self._lock = lock
        self._runtime = runtimes.of(folders, place, self._settings.runtime, self._warn)
        self._ports: list[HeldPort] = []
        self._started = ""
        self._take_requests: Callable[[int, Running], Requests] | None = None
        self._mounts: int | None = None

    def go(self, mounts: Sequence[int]) -> None:
        """From the order, and what is mounted for it, to the end."""
        wakeup = Wakeup(HEEDED)
        try:
            loop, pid, cgroup = self._begin(wakeup, *mounts)
        except BaseException as error:  # noqa: BLE001 - nobody else would ever tell
            self.give_up(*failures.of(error))
        else:
            first = self._client if self._container.foreground else None
            status = loop.run(pid, ends_input=first, stop=lambda: self._stop(pid))
            self._end(loop, status, cgroup)

    def give_up(self, status: int, reason: str) -> None:
        """Tell why it was not started, and leave nothing but that."""
        # The disk may be full, which would be the reason, and has to be told.
        with Suppressed(OSError):
            documents.write(self._place.outcome, Outcome("", exit_code=status, error=reason))
        self._clean()
        self._client.send(protocol.status_message(protocol.FAILED, status, reason))
        os.close(self._lock)
        self._client.finish()

    def _begin(self, wakeup: Wakeup, root: int, shm: int | None = None) -> tuple[Loop, int, Cgroup]:
        """Make the container, connect it, and start it; its first process, and its cgroup.

        Raises:
            RunnerError, OSError: it cannot be.
        """
        settings = self._settings
        rootfs.put(root, self._place.rootfs)
        bundle = runtimes.Bundle(text_files.read(self._place.config), hierarchies.detect())
        folder = os.open(self._place.passing, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        listener = Listener(folder, reaching.ATTACH)
        log = LogWriter(self._place.log, settings.log)
        streams = Streams(terminal=settings.terminal, has_input=settings.stdin_open)
        pid = self._make(bundle, shm, streams, folder)
        self._mounts = self._hold_mounts(pid)
        running = Running(pid, runtimes.tick(pid))
        running, self._ports = connecting.connect(self._folders, self._place, self._container, running)
        documents.write(self._place.process, running)
        self._started = now()
        documents.write(self._place.outcome, Outcome(self._started))
        self._runtime.start()
        self._client.send(protocol.STARTED)
        requests = None if self._take_requests is None else self._take_requests(folder, running)
        loop = Loop(streams, log, listener, requests=requests, wakeup=wakeup, clients=[self._client])
        return loop, pid, cleaning.cgroup(self._place, bundle.cgroups)

    def _prepare_to_serve(self) -> None:
        """Be ready to execute further programs; another runtime executes them by itself."""
        if self._settings.runtime:
            return
        # Only while others are at it; and not later than that, for there may be another version of it by then.
        from runner.containers.further import serving
        from runner.containers.monitor.requests import Requests

        self._take_requests = lambda folder, running: Requests(
            folder, serving.Server(serving.Served(self._folders, self._container, running, HEEDED))
        )

    def _make(self, bundle: Bundle, shm: int | None, streams: Streams, folder: int) -> int:
        if shm is None:
            return self._create(bundle, streams, folder)
        rootfs.put_beside(shm, self._place.shm)
        try:
            return self._create(bundle, streams, folder)
        finally:
            # Another one's shared memory: whoever clears away must never find it.
            rootfs.take_away(self._place.shm)

    def _create(self, bundle: Bundle, streams: Streams, folder: int) -> int:
        try:
            if not self._settings.terminal:
                return self._runtime.create(None, bundle, self._prepare_to_serve)
            console = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
            console.bind(f"/proc/self/fd/{folder}/console")
            console.listen(1)
            # A path that another process can use as well, and that is short enough for the name of a socket.
            pid = self._runtime.create(f"/proc/{os.getpid()}/fd/{folder}/console", bundle, self._prepare_to_serve)
            streams.take_terminal(console, has_input=self._settings.stdin_open)
            console.close()
            if self._order.rows and self._order.columns:
                streams.resize(self._order.rows, self._order.columns)
            return pid
        finally:
            streams.let_go()

    def _hold_mounts(self, pid: int) -> int | None:
        """Keep the container's mounts until its end is told: to take them away takes the kernel milliseconds.

        Not those of the user's directories, which whoever waits for the end may want to unmount.
        """
        if any(mount.kind != TMPFS for mount in self._settings.mounts):
            return None
        with Suppressed(OSError):
            return os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        return None

    def _warn(self, text: str) -> None:
        """Tell who waits for the start what had to be left out."""
        self._client.send(protocol.WARNING + text.encode("utf-8", "backslashreplace"))

    def _stop(self, pid: int) -> None:
        """Pass on that the machine, or whoever else, wants it to end."""
        with Suppressed(ProcessLookupError):
            os.kill(pid, signalling.of_stop(self._settings))

    def _end(self, loop: Loop, status: int, cgroup: Cgroup) -> None:
        """Tell how it ended, and take away what it has needed: what another one could need, before that is told."""
        loop.finish()
        place = self._place
        kills = cgroup.oom_kills()
        with Suppressed(OSError):
            documents.write(place.outcome, Outcome(self._started, now(), exit_code=status, oom_killed=bool(kills)))
        with Suppressed(RunnerError, OSError):
            cleaning.disconnect(self._folders, place, self._settings)
        for port in self._ports:
            port.socket.close()
        if self._settings.remove:
            place = removal.hide(self._folders, place)
        loop.send_all(protocol.status_message(protocol.ENDED, status))
        self._clean(place)
        loop.let_go()
        os.close(self._lock)
        for client in loop.clients:
            client.finish()

    def _clean(self, place: Place | None = None) -> None:
        """Take away the rest. What fails now is tried again by the next command."""
        if self._mounts is not None:
            os.close(self._mounts)
        with Suppressed(RunnerError, OSError):
            rootfs.take_away(self._place.rootfs)
        with Suppressed(RunnerError, OSError):
            if not self._settings.remove:
                cleaning.clean(self._folders, self._place, self._settings)
            elif place is not None:
                removal.finish(self._folders, place)
            else:
                removal.remove(self._folders, self._place)
