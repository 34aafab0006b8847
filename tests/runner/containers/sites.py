"""Places where containers of busybox are made, started and looked at, without images and registries."""

from __future__ import annotations

import _socket
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runner.cgroups import hierarchies
from runner.containers import ending, finding, making, protocol, starting
from runner.containers.folders import Folders, Place
from runner.containers.records import Container
from runner.containers.settings import Network, Settings
from runner.containers.spawning import Monitor
from tests.runner.oci.bundles import make_rootfs

LAYER = "sha256:" + "a" * 64


class Site:
    """One of them, in a directory of its own."""

    def __init__(self, home: Path) -> None:
        self.folders = Folders(str(home / "root"), str(home / "state"))
        self.layers: tuple[str, ...] = (LAYER,)
        make_rootfs(home / "root" / "layers" / ("a" * 64) / "diff")
        self.folders.make()

    def create(self, *words: str, by_run: bool = False, foreground: bool = True, **settings: Any) -> Container:
        """A container that runs these words when it is started."""
        settings.setdefault("network", Network("none"))
        settings.setdefault("environment", ("PATH=/bin",))
        container = Container(
            id=making.new_id(),
            name=settings.get("name") or "",
            created="2026-01-02T03:04:05.000000000Z",
            layers=self.layers,
            settings=Settings("busybox", command=words, **settings),
            foreground=foreground,
            by_run=by_run,
        )
        made, lock = making.make(self.folders, container, lambda: None)
        os.close(lock)
        return made

    def place(self, container: Container) -> Place:
        return self.folders.place(container.id)

    @contextmanager
    def started(self, container: Container) -> Iterator[Monitor]:
        """It runs; this process is its monitor's first client."""
        monitor = Monitor()
        try:
            starting.start(self.folders, self.place(container), container, monitor, size=(24, 80), warn=print)
            yield monitor
        finally:
            monitor.dismiss()

    def run(self, *words: str, given: bytes | None = None, **settings: Any) -> tuple[bytes, bytes, int]:
        """Run words to their end: what came from both streams, and the exit status."""
        with self.started(self.create(*words, stdin_open=given is not None, **settings)) as monitor:
            if given is not None:
                monitor.end.send(protocol.INPUT + given)
                monitor.end.send(protocol.END)
            return heard(monitor.end)

    def clear(self) -> None:
        """End and remove all containers."""
        for place in finding.all_of(self.folders):
            ending.discard(self.folders, place, force=True, with_volumes=True)

    def left(self) -> list[str]:
        """What of containers is still there, but for what lasts."""
        mounted = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if self.folders.root in line]
        ids = {path.name for path in Path(self.folders.containers).iterdir()}
        passing = [str(path) for path in Path(self.folders.passing).iterdir()]
        runtime = Path(self.folders.runtime)
        states = [str(path) for path in runtime.iterdir() if path.name != ".seccomp"] if runtime.exists() else []
        return [*mounted, *passing, *states, *(path for each in ids for path in cgroups(each))]


def cgroups(container: str) -> list[str]:
    """The container's cgroups that are there."""
    places = (Path(each.mount + f"/moorage/{container}") for each in hierarchies.detect().hierarchies)
    return [str(place) for place in places if place.exists()]


def heard(end: _socket.socket) -> tuple[bytes, bytes, int]:
    """All that a container says until its end, from both streams, and its exit status."""
    said = {protocol.OUTPUT: b"", protocol.ERRORS: b""}
    while True:
        message = protocol.receive(end)
        assert message, "the monitor has ended without a word"
        if message[:1] == protocol.ENDED:
            return said[protocol.OUTPUT], said[protocol.ERRORS], protocol.status_of(message)[0]
        said[message[:1]] += message[1:]


def hear_until(end: _socket.socket, text: bytes) -> bytes:
    """What a container says on its standard output, until it has said `text`."""
    said = b""
    while text not in said:
        message = protocol.receive(end)
        assert message[:1] in {protocol.OUTPUT, protocol.ERRORS}, message
        said += message[1:]
    return said
