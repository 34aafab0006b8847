"""podman and dockerd run containers through our OCI runtime."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.installation import write_runtime
from tests.e2e.client import Client, client, podman_in
from tests.e2e.conftest import GREETING
from tests.e2e.daemons import configured_dockerd, short_directory
from tests.images import Image, docker_archive
from tests.requirements import require_root, require_tool

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox")]

NAME = "localhost/greeting:1"
BUSYBOX = "/bin/busybox"


@pytest.fixture(scope="module")
def launcher() -> Iterator[Path]:
    """The command as it is installed."""
    with short_directory() as directory:
        place = directory / "runner-oci"
        interpreter = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
        assert write_runtime(str(place), str(interpreter), str(Path(__file__).parents[2]))
        yield place


@pytest.fixture
def archive(tmp_path: Path, image: Image) -> Path:
    return docker_archive(tmp_path / "image.tar", NAME, image)


@pytest.fixture
def podman(short_path: Path, launcher: Path, archive: Path) -> Client:
    podman = podman_in(short_path)
    podman("load", "--input", archive)
    # This machine may lack the right to raise limits, which podman itself asks for.
    own = ("--ulimit", "nofile=512:512", "--ulimit", "nproc=512:512", "--network=none", "--rm", "--pull=never")
    command = (*podman.command, "--runtime", str(launcher))
    return Client((*command,), podman.home, {**podman.environment, "RUN": " ".join(own)})


def run(podman: Client, *words: str) -> str:
    return podman("run", *podman.environment["RUN"].split(), *words)


@pytest.mark.tool("podman")
def test_podman_runs_a_container_through_it(podman: Client) -> None:
    assert run(podman, NAME) == GREETING
    assert "Seccomp:\t2" in run(podman, NAME, BUSYBOX, "cat", "/proc/self/status")
    assert run(podman, "--tty", NAME, BUSYBOX, "tty").strip() == "/dev/pts/0"
    assert run(podman, "--user", "5:6", NAME, BUSYBOX, "id") == "uid=5 gid=6 groups=6\n"


@pytest.mark.tool("podman")
def test_podman_executes_stops_and_removes_through_it(podman: Client) -> None:
    run(podman, "--detach", "--name", "box", "--memory", "64m", NAME, BUSYBOX, "sleep", "100")

    executed = podman("exec", "box", BUSYBOX, "hostname")
    processes = podman("top", "box", "args")
    podman("pause", "box")
    podman("unpause", "box")
    podman("kill", "box")

    assert executed.strip()
    assert "sleep 100" in processes
    assert podman("ps", "--all", "--quiet") == "" or podman("wait", "box") is not None


@pytest.fixture(scope="module")
def dockerd(launcher: Path) -> Iterator[Path]:
    """The socket of a Docker daemon that has our runtime beside its own."""
    require_root()
    with short_directory() as home:
        (home / "daemon.json").write_text("{}")
        program = require_tool("dockerd")
        flags = ("--config-file", home / "daemon.json", "--add-runtime", f"moorage={launcher}")
        with configured_dockerd(program, *flags) as (listener, _):
            yield listener


@pytest.fixture
def docker(dockerd: Path, archive: Path, tmp_path: Path) -> Client:
    docker = client(require_tool("docker"), "--host", f"unix://{dockerd}", home=tmp_path / "home")
    docker("load", "--input", archive)
    return docker


OURS = ("--runtime=moorage", "--network=none")


@pytest.mark.tool("dockerd")
@pytest.mark.tool("docker")
def test_dockerd_runs_a_container_through_it(docker: Client) -> None:
    def run(*words: str) -> str:
        return docker("run", "--rm", *OURS, *words)

    assert run(NAME) == GREETING
    assert "Seccomp:\t2" in run(NAME, BUSYBOX, "cat", "/proc/self/status")
    assert run("--user", "5:6", NAME, BUSYBOX, "id") == "uid=5 gid=6 groups=6\n"
    assert run("--read-only", "--tmpfs", "/scratch", NAME, BUSYBOX, "touch", "/scratch/x") == ""
    assert "not found in $PATH" in docker.refused("run", "--rm", *OURS, NAME, "not-there")


@pytest.mark.tool("dockerd")
@pytest.mark.tool("docker")
def test_dockerd_executes_updates_stops_and_removes_through_it(docker: Client) -> None:
    flags = ("--detach", "--name", "box", "--memory", "64m", "--init=false")
    docker("run", *OURS, *flags, NAME, BUSYBOX, "sleep", "100")

    executed = docker("exec", "box", BUSYBOX, "hostname")
    docker("exec", "--detach", "box", BUSYBOX, "sleep", "55")
    processes = docker("top", "box")
    docker("update", "--pids-limit", "40", "box")
    docker("pause", "box")
    docker("unpause", "box")
    limit = docker("exec", "box", BUSYBOX, "cat", "/sys/fs/cgroup/pids/pids.max")
    docker("stop", "--time", "0", "box")
    status = docker("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "box")
    docker("rm", "box")

    assert len(executed.strip()) == 12
    assert "sleep 100" in processes
    assert limit.strip() == "40"
    assert status.split() == ["exited", "137"]
