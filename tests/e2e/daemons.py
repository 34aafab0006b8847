"""dockerd and containerd as the tests' own processes, beside whatever the machine runs itself."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.requirements import require_tool

START_DEADLINE_S = 100.0
STOP_DEADLINE_S = 100.0
_POLL_S = 0.02


@contextmanager
def running_dockerd(program: Path) -> Iterator[Path]:
    """A Docker daemon with storage and state of its own, without bridge and firewall rules; its socket's path.

    It pulls from and pushes to 127.0.0.0/8 over plain HTTP, as every Docker daemon does.
    """
    with short_directory() as home:
        (home / "daemon.json").write_text("{}")
        with _dockerd_in(home, [program, "--config-file", home / "daemon.json"]):
            yield home / "docker.sock"


@contextmanager
def networked_dockerd(program: Path) -> Iterator[tuple[Path, Sequence[str | Path]]]:
    """The same in a network namespace of its own, where ports of containers are published as on any machine.

    Its socket, and what makes a command run in that namespace when it stands before it.
    """
    with short_directory() as home:
        (home / "daemon.json").write_text("{}")
        begin: list[str | Path] = [
            require_tool("unshare"),
            "--net",
            "/bin/sh",
            "-c",
            'ip link set lo up && exec "$@"',
            "sh",
        ]
        command = [*begin, program, "--config-file", home / "daemon.json"]
        with _dockerd_in(home, command, network=["--iptables=false"]):
            process = (home / "docker.pid").read_text().strip()
            yield home / "docker.sock", [require_tool("nsenter"), "--target", process, "--net"]


@contextmanager
def configured_dockerd(*command: str | Path) -> Iterator[tuple[Path, int]]:
    """The same, started by `command` with the configuration that it finds in /etc; its socket, and its process id."""
    with short_directory() as home, _dockerd_in(home, command):
        yield home / "docker.sock", int((home / "docker.pid").read_text())


@contextmanager
def running_containerd(program: Path) -> Iterator[Path]:
    """A containerd with storage and state of its own; its socket's path."""
    with short_directory() as home:
        listener = home / "containerd.sock"
        configuration = home / "config.toml"
        configuration.write_text(
            f'version = 2\nroot = "{home}/root"\nstate = "{home}/state"\n'
            # Kubernetes' interface would listen and write outside this directory.
            'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
            f'[grpc]\naddress = "{listener}"\n'
        )
        with _running([program, "--config", configuration], home, ready=listener.is_socket):
            yield listener


@contextmanager
def short_directory() -> Iterator[Path]:
    """A new directory whose path leaves room for a socket's name, removed at the end.

    A socket's path has at most 107 bytes, podman's directory of state 50; pytest's own temporary directories are deep.
    """
    with tempfile.TemporaryDirectory(prefix="moorage-", dir="/tmp", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


@contextmanager
def _dockerd_in(
    home: Path, start: Sequence[str | Path], *, network: Sequence[str] = ("--iptables=false", "--bridge=none")
) -> Iterator[None]:
    command: list[str | Path] = [
        *start,
        *("--data-root", home / "data"),
        *("--exec-root", home / "exec"),
        *("--pidfile", home / "docker.pid"),
        *("--host", f"unix://{home}/docker.sock"),
        *network,
    ]
    with _running(command, home, ready=lambda: _ping_docker(home / "docker.sock")):
        yield


@contextmanager
def _running(command: Sequence[str | Path], home: Path, *, ready: Callable[[], bool]) -> Iterator[None]:
    log_path = home / "log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait(lambda: _alive(process, log_path) and ready(), START_DEADLINE_S, f"{command[0]} did not start")
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _unmount_below(home)
    _wait(lambda: not _processes_of(home), STOP_DEADLINE_S, f"{command[0]} left processes behind")
    assert not _mounts_below(home)


def _alive(process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    return True


def _ping_docker(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(str(path))
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return b" 200 " in connection.recv(64)
        except OSError:
            return False  # It does not listen yet.


def _wait(condition: Callable[[], bool], deadline_s: float, complaint: str) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, complaint
        time.sleep(_POLL_S)


def _unmount_below(directory: Path) -> None:
    # dockerd keeps the network namespace of a container that ran on the host's network mounted until the machine stops.
    for mount in sorted(_mounts_below(directory), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=True)


def _mounts_below(directory: Path) -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [point for line in lines if (point := line.split()[4]).startswith(f"{directory}/")]


def _processes_of(directory: Path) -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _names(entry, directory)]


def _names(process: Path, directory: Path) -> bool:
    try:
        return os.fsencode(directory) in (process / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False  # It ended while we looked.
