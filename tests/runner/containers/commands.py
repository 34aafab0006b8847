"""The command `runner`, as its users call it, on a host whose network is a namespace of the test's own."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import sysconfig
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from runner.cgroups import hierarchies
from runner.containers import liveness
from runner.containers.folders import Folders
from runner.installation import write_runner
from tests.runner.oci.bundles import make_rootfs

ROOT = Path(__file__).parents[3]
IMAGE = "box:1"


class Commands:
    """The command, with directories of its own, and one image of busybox."""

    def __init__(self, home: Path, network: int) -> None:
        self.home = home
        self.folders = Folders(str(home / "root"), str(home / "state"))
        self.folders.make()
        self._network = network
        base = str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())
        self._launcher = str(home / "runner")
        packages = sysconfig.get_path("purelib")
        assert write_runner(self._launcher, base, str(ROOT), python=sys.executable, packages=packages)
        make_rootfs(home / "rootfs")
        self("import", "--change", 'CMD ["/bin/sh"]', "--change", "ENV PATH=/bin", str(home / "rootfs"), IMAGE)

    def command(self, *words: str) -> list[str]:
        own = ["--root", self.folders.root, "--state", self.folders.state]
        return [*self.in_network(), self._launcher, *own, *words]

    def in_network(self) -> list[str]:
        return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{self._network}"]

    def __call__(self, *words: str, status: int = 0, given: str = "") -> str:
        """What it prints on its standard output."""
        return self.both(*words, status=status, given=given)[0]

    def both(self, *words: str, status: int = 0, given: str = "") -> tuple[str, str]:
        """What it prints, on each stream."""
        done = subprocess.run(self.command(*words), check=False, input=given, capture_output=True, text=True)
        assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout, done.stderr

    def complaint(self, *words: str, status: int = 1) -> str:
        """What it says is wrong."""
        return self.both(*words, status=status)[1]

    @contextmanager
    def begun(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """It runs meanwhile."""
        with subprocess.Popen(
            self.command(*words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def at_terminal(self, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
        """It runs at a terminal, whose other end is given."""
        master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 80))
        with subprocess.Popen(self.command(*words), stdin=slave, stdout=slave, stderr=slave) as process:
            os.close(slave)
            try:
                yield process, master
            finally:
                process.kill()
                os.close(master)

    def inspect(self, name: str) -> Any:
        return json.loads(self("inspect", name))[0]

    def monitors(self) -> dict[str, int]:
        """The monitors that live, by their containers."""
        places = (self.folders.place(path.name) for path in self.containers())
        found = ((place.container, liveness.monitor_of(place)) for place in places)
        return {container: pid for container, pid in found if pid is not None}

    def containers(self) -> list[Path]:
        """The directories of containers, and of those that are being made or removed."""
        return [*Path(self.folders.containers).iterdir()]

    def half_made(self) -> list[Path]:
        return [path for path in self.containers() if path.name.startswith(".")]

    def clear(self) -> None:
        for container in self("ps", "--all", "--quiet", "--no-trunc").split():
            self("rm", "--force", "--volumes", container)

    def left(self) -> list[str]:
        """What of containers is still there."""
        mounted = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(self.home) in line]
        folders = (self.folders.containers, self.folders.names, self.folders.passing, f"{self.folders.root}/pins")
        files = [str(path) for folder in folders for path in Path(folder).glob("*")]
        files += [str(path) for path in Path(self.folders.runtime).glob("*") if path.name != ".seccomp"]
        files += [str(path) for path in Path(self.folders.network, "leases").glob("*")]
        files += [str(path) for path in Path(self.folders.containers).glob(".*")]
        return [*mounted, *files, *self.processes(), *self.links()]

    def processes(self) -> list[str]:
        """Processes that have something of these containers open."""
        found = []
        for folder in Path("/proc").glob("[0-9]*/fd"):
            # One may end meanwhile.
            with suppress(OSError):
                opened = [str(path.readlink()) for path in folder.iterdir()]
                found += [f"{folder}: {name}" for name in opened if name.startswith(str(self.home))]
        return found

    def links(self) -> list[str]:
        """The host's ends of the links of containers."""
        printed = subprocess.run(
            [*self.in_network(), "ip", "-o", "link"], check=True, capture_output=True, text=True
        ).stdout
        return [line for line in printed.splitlines() if ": mrg" in line]

    def published(self) -> list[str]:
        """The ports of the host that rules of the firewall still lead to containers."""
        command = [*self.in_network(), "nft", "list", "ruleset"]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return [line.strip() for line in printed.splitlines() if "elements = {" in line]


def cgroups_of(containers: set[str]) -> list[str]:
    """The cgroups of these containers that are there."""
    mounts = [each.mount for each in hierarchies.detect().hierarchies]
    return [
        f"{mount}/moorage/{each}" for mount in mounts for each in containers if Path(f"{mount}/moorage/{each}").exists()
    ]


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
