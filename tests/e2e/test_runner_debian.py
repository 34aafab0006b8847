"""A Debian, made by debootstrap, comes from a registry with logins and runs: pushed by docker, and without docker."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docker.build import debian
from tests.e2e.client import Client, client
from tests.e2e.daemons import running_dockerd
from tests.e2e.server import running_registry
from tests.images import BUSYBOX
from tests.network_namespaces import network_namespace
from tests.requirements import require_root, require_tool
from tests.waiting import until

pytestmark = [
    pytest.mark.root,
    pytest.mark.e2e,
    pytest.mark.tool("debootstrap"),
    pytest.mark.tool("busybox"),
    pytest.mark.tool("nsenter"),
    pytest.mark.tool("nft"),
    pytest.mark.tool("ip"),
    pytest.mark.timeout(900),
]

PASSWORD = "correct-horse-battery"
RUNNER = Path(sys.executable).with_name("runner")
BUSY = "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done; cat /sys/fs/cgroup/cpu.stat /sys/fs/cgroup/cpu/cpu.stat"


@dataclass(frozen=True, slots=True)
class Place:
    """A registry, and the runner in the machine's network and in one where containers may have ports."""

    registry: str
    runner: Client
    inside: Client
    enter: tuple[str, ...]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    require_root()
    accounts = {"REGISTRY_AUTH__MODE": "token", "REGISTRY_AUTH__ADMIN_PASSWORD": PASSWORD}
    words = (RUNNER, "--root", tmp_path / "root", "--state", tmp_path / "state")
    home = tmp_path / "home"
    with running_registry(tmp_path / "registry", environment=accounts) as registry, network_namespace() as network:
        enter = (str(require_tool("nsenter")), f"--net=/run/netns/{network}")
        runner, inside = client(*words, home=home), client(Path(enter[0]), enter[1], *words, home=home)
        log_in(runner, registry.address)
        yield Place(registry.address, runner, inside, enter)
        for name in inside("ps", "--all", "--quiet").split():
            inside("rm", "--force", name)


def log_in(program: Client, address: str) -> None:
    program("login", "--username", "admin", "--password-stdin", address, stdin=PASSWORD.encode())


@pytest.mark.tool("dockerd")
@pytest.mark.tool("docker")
def test_a_debian_that_docker_pushed_runs_within_its_limits(place: Place, tmp_path: Path) -> None:
    image = f"{place.registry}/admin/debian:1"
    with running_dockerd(require_tool("dockerd")) as listener:
        docker = client(require_tool("docker"), "--host", f"unix://{listener}", home=tmp_path / "docker")
        docker("import", debian(), image)
        log_in(docker, place.registry)
        docker("push", "--quiet", image)

    place.runner("pull", "--quiet", image)

    check_that_it_runs(place, image)


def test_a_debian_that_no_docker_has_seen_runs_within_its_limits(place: Place) -> None:
    image = f"{place.registry}/admin/debian:2"
    place.runner("import", debian(), image)
    place.runner("push", "--quiet", image)
    place.runner("rmi", image)

    place.runner("pull", "--quiet", image)

    check_that_it_runs(place, image)


def check_that_it_runs(place: Place, image: str) -> None:
    """Its limits bite, it serves on a published port, something is executed in it, and it is stopped and removed."""
    alone = ("run", "--rm", "--network", "none")
    place.inside.refused("run", "--name", "eater", "-m", "32m", image, "python3", "-c", "bytearray(300_000_000)")
    assert place.inside("inspect", "-f", "{{.State.ExitCode}} {{.State.OOMKilled}}", "eater") == "137 true\n"
    many = place.inside.refused(
        *alone, "--pids-limit", "6", image, "sh", "-c", "for i in 1 2 3 4 5 6 7; do sleep 1 & done"
    )
    assert "Cannot fork" in many
    busy = place.inside(*alone, "--cpus", "0.2", image, "sh", "-c", f"{BUSY} 2>/dev/null; true")
    assert int(busy.split("nr_throttled ")[1].split()[0]) > 0

    serve = ("python3", "-m", "http.server", "80", "--directory", "/etc")
    place.inside("run", "-d", "--name", "web", "-p", "8080:80", "-m", "64m", "--cpus", "1", image, *serve)
    wget = [*place.enter, str(BUSYBOX), "wget", "-q", "-O", "-", "http://127.0.0.1:8080/debian_version"]
    until(lambda: subprocess.run(wget, check=False, capture_output=True).returncode == 0)
    served = subprocess.run(wget, check=True, capture_output=True, text=True).stdout
    assert place.inside("exec", "web", "cat", "/etc/debian_version") == served
    place.inside("stop", "--timeout", "1", "web")
    place.inside("rm", "web", "eater")
    assert place.inside("ps", "--all", "--quiet") == ""
    place.inside("rmi", image)
