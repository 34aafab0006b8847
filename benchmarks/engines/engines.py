"""The engines that are compared, each with its storage in a directory of its own, driven by its command line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import spawned

OURS = "runner"
IMAGE = "localhost/bench:1"
DEADLINE_S = 300.0
_RUNNER = Path(sys.executable).with_name("runner")
_NO_CONFIGURATION = {name: value for name, value in os.environ.items() if not name.startswith(("DOCKER_", "CONTAINER"))}
# podman asks for more than a machine may give, and fails where it does not.
_PODMANS_LIMITS = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")


class EngineFailed(Exception):
    """A command of an engine failed; the text says which, and what it wrote."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine: how its commands begin, and what one container costs besides."""

    name: str
    command: tuple[str, ...]
    monitor: str
    """What stands in the command line of the process that watches one container, of any root."""
    run_flags: tuple[str, ...] = ()
    pull_flags: tuple[str, ...] = ()
    decompresses_zstd: bool = True
    environment: dict[str, str] = field(default_factory=lambda: _NO_CONFIGURATION)

    def __call__(self, *words: str) -> str:
        """Carry out a command; what it printed.

        Raises:
            EngineFailed: it did not end well.
        """
        return self.finish(self.begin(*words), words)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Begin a command."""
        return subprocess.Popen(
            [*self.command, *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, process: subprocess.Popen[str], words: tuple[str, ...]) -> str:
        """Wait for a command that was begun."""
        printed, complaint = process.communicate(timeout=DEADLINE_S)
        if process.returncode:
            raise EngineFailed(f"{self.name} {' '.join(words)}: {complaint[-1000:] or process.returncode}")
        return printed

    def run_words(self, network: str, *words: str, detach: str = "") -> tuple[str, ...]:
        """A command that runs a program in a container of the image; in the background under the name `detach`."""
        how = ("--detach", "--name", detach) if detach else ("--rm",)
        return ("run", *how, f"--network={network}", *self.run_flags, IMAGE, *words)


@contextmanager
def all_engines(scratch: Path) -> Iterator[list[Engine]]:
    """Ours, and those others that this machine has."""
    engines = [
        Engine(
            OURS,
            (str(_RUNNER), "--root", f"{scratch}/runner/root", "--state", f"{scratch}/runner/state"),
            "containers/monitor/launch.py",
        )
    ]
    if podman := shutil.which("podman"):
        engines.append(_podman(podman, scratch / "podman"))
    if (dockerd := shutil.which("dockerd")) and shutil.which("docker"):
        with _docker(dockerd, scratch / "docker") as docker:
            yield [engines[0], docker, *engines[1:]]
    else:
        yield engines


def _podman(program: str, home: Path) -> Engine:
    storage = ("--root", f"{home}/root", "--runroot", f"{home}/run", "--tmpdir", f"{home}/state")
    # crun refuses hosts with both versions of cgroups.
    settings = ("--storage-driver=overlay", "--cgroup-manager=cgroupfs", "--events-backend=file", "--runtime=runc")
    return Engine("podman", (program, *storage, *settings), "conmon", _PODMANS_LIMITS, ("--tls-verify=false",))


@contextmanager
def _docker(program: str, home: Path) -> Iterator[Engine]:
    home.mkdir(parents=True)
    (home / "daemon.json").write_text("{}")
    socket = home / "docker.sock"
    places = ("--data-root", home / "data", "--exec-root", home / "exec", "--pidfile", home / "docker.pid")
    command = (program, "--config-file", home / "daemon.json", *places, "--host", f"unix://{socket}")
    with spawned(command, log=home / "log", environment=_NO_CONFIGURATION) as process:
        docker = Engine("docker", ("docker", "--host", f"unix://{socket}"), "containerd-shim")
        deadline = time.monotonic() + 60
        while True:
            try:
                version = docker("version", "--format", "{{.Server.Version}}")
                break
            except EngineFailed:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        # Docker takes layers of zstd from version 23 on.
        yield Engine("docker", docker.command, docker.monitor, decompresses_zstd=int(version.partition(".")[0]) >= 23)
