"""`make demo` works with whichever client there is, and without any."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.daemons import running_dockerd, short_directory
from tests.requirements import require_tool

pytestmark = pytest.mark.long

DEMO = Path(__file__).with_name("demo.py")
WITH_CONTAINERS = Path(__file__).with_name("demo_runner.py")
FOR_CONTAINERS = ("busybox", "ip", "nft", "nsenter", "sh", "tar")


def test_without_a_client_the_demonstration_speaks_the_api_itself(tmp_path: Path) -> None:
    said = _demonstrate(tmp_path, {})

    assert "$ PUT" in said
    assert "What was pulled is what was pushed." in said


@pytest.mark.e2e
@pytest.mark.tool("skopeo")
def test_with_skopeo_the_demonstration_shows_its_commands(tmp_path: Path) -> None:
    said = _demonstrate(tmp_path, {"skopeo": require_tool("skopeo")})

    assert "$ skopeo copy" in said
    assert "What was pulled is what was pushed." in said


@pytest.mark.e2e
@pytest.mark.root
@pytest.mark.tool("podman")
def test_with_podman_the_demonstration_shows_its_commands(tmp_path: Path) -> None:
    podman = tmp_path / "podman"
    with short_directory() as storage:
        options = f"--root {storage}/root --runroot {storage}/run --storage-driver=vfs --events-backend=file"
        podman.write_text(f'#!/bin/sh\nexec {require_tool("podman")} {options} "$@"\n')
        podman.chmod(0o755)

        said = _demonstrate(tmp_path, {"podman": podman})

    assert "$ podman push --tls-verify=false" in said
    assert "What was pulled is what was pushed." in said


@pytest.mark.e2e
@pytest.mark.root
@pytest.mark.tool("busybox")
@pytest.mark.tool("nft")
@pytest.mark.tool("ip")
def test_the_runner_shows_limits_and_ports_and_leaves_nothing(tmp_path: Path) -> None:
    said = _demonstrate(tmp_path, {name: require_tool(name) for name in FOR_CONTAINERS}, WITH_CONTAINERS)

    assert "can't fork" in said
    assert "$ runner exec web" in said
    assert "nothing is left behind" in said
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


@pytest.mark.e2e
@pytest.mark.root
@pytest.mark.tool("dockerd")
@pytest.mark.tool("docker")
@pytest.mark.tool("nft")
def test_the_runner_runs_what_docker_pushed(tmp_path: Path) -> None:
    tools = {name: require_tool(name) for name in FOR_CONTAINERS}
    with running_dockerd(require_tool("dockerd")) as listener:
        docker = tmp_path / "docker"
        docker.write_text(f'#!/bin/sh\nexec {require_tool("docker")} --host unix://{listener} "$@"\n')
        docker.chmod(0o755)

        said = _demonstrate(tmp_path, {"docker": docker, **tools}, WITH_CONTAINERS)

    assert "$ docker push --quiet" in said
    assert "nothing is left behind" in said


def _demonstrate(directory: Path, clients: dict[str, Path], demo: Path = DEMO) -> str:
    # Exactly these clients are on PATH, whatever else the machine has.
    programs = directory / "bin"
    programs.mkdir()
    for name, program in clients.items():
        (programs / name).symlink_to(program)
    run = subprocess.run(
        [sys.executable, demo],
        env={**os.environ, "PATH": str(programs), "HOME": str(directory), "TMPDIR": str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout
