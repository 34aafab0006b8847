"""The container image and the compose file: built and run by a real dockerd, without a public registry."""

import json
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docker.build import ROOT, import_base, make_context
from tests.e2e.client import Client, client
from tests.e2e.daemons import networked_dockerd
from tests.images import ImageLayout, docker_archive, runnable_image
from tests.ports import free_port
from tests.requirements import require_root, require_tool

pytestmark = [
    pytest.mark.root,
    pytest.mark.e2e,
    pytest.mark.tool("dockerd"),
    pytest.mark.tool("docker"),
    pytest.mark.tool("docker-compose"),
    pytest.mark.tool("debootstrap"),
    pytest.mark.tool("crane"),
    pytest.mark.tool("busybox"),
    pytest.mark.tool("unshare"),
    pytest.mark.tool("nsenter"),
    pytest.mark.tool("ip"),
    pytest.mark.timeout(900),
]

# Docker looks every ten seconds, and takes a look that takes five for a failed one.
HEALTH_DEADLINE_S = 400.0
PASSWORD = "correct-horse-battery"


@dataclass(frozen=True, slots=True)
class Daemon:
    """The tests' own Docker daemon, which has built the image `moorage`: its client, and the way into its network."""

    docker: Client
    enter: Sequence[str | Path]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    require_root()
    home = tmp_path_factory.mktemp("docker")
    with networked_dockerd(require_tool("dockerd")) as (listener, enter):
        made = client(
            require_tool("docker"),
            *("--host", f"unix://{listener}"),
            home=home,
            # BuildKit is no part of every Docker; the classic builder is.
            environment={"DOCKER_BUILDKIT": "0", "DOCKER_HOST": f"unix://{listener}"},
        )
        import_base(made, "moorage-base")
        _build(made, make_context(home, made, "moorage-base"))
        yield Daemon(made, enter)


@pytest.fixture
def docker(daemon: Daemon) -> Client:
    return daemon.docker


@pytest.fixture
def crane(daemon: Daemon, tmp_path: Path) -> Client:
    """crane, as on the machine of the daemon."""
    first, *rest = daemon.enter
    return client(Path(first), *rest, require_tool("crane"), home=tmp_path / "crane")


def test_docker_run_and_a_login_are_enough(docker: Client, tmp_path: Path) -> None:
    port = free_port()
    address, volume = f"localhost:{port}", "moorage"
    image = f"{address}/team/app:1"
    container = docker("run", "--detach", "-p", f"{port}:5000", "-v", f"{volume}:/data", "moorage").strip()
    try:
        _wait_until_healthy(docker, container)
        password = _password_shown_by(docker, container)
        docker("load", "--input", docker_archive(tmp_path / "image.tar", image, runnable_image("hello")))
        docker.refused("push", image)
        docker("login", "--username=admin", "--password-stdin", address, stdin=password.encode())
        docker("push", image)
        docker("rmi", image)
        docker("pull", image)
        docker("logout", address)
        docker("rmi", image)
        refused = docker.refused("pull", image)
    finally:
        docker("rm", "--force", container)
        docker("volume", "rm", volume)

    assert "denied" in refused or "unauthorized" in refused


def test_the_image_runs_read_only_as_an_ordinary_user_and_becomes_healthy(
    docker: Client, crane: Client, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{free_port()}"
    listen = ["--network=host", "--env", f"REGISTRY_SERVER__LISTEN={address}"]
    given = ["--env", f"REGISTRY_AUTH__ADMIN_PASSWORD={PASSWORD}"]
    narrow = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
    container = docker("run", "--detach", *listen, *given, *narrow, "--health-interval=1s", "moorage").strip()
    try:
        _wait_until_healthy(docker, container)
        user = docker("exec", container, "python", "-c", "import os; print(os.getuid())").strip()
        _push_and_pull(crane, address, tmp_path)
        docker("stop", "--time=30", container)
        state = json.loads(docker("inspect", "--format={{json .State}}", container))
    finally:
        docker("rm", "--force", "--volumes", container)

    assert user == "65532"
    assert state["ExitCode"] == 0
    assert state["OOMKilled"] is False


def test_open_access_on_all_addresses_must_be_asked_for(docker: Client) -> None:
    open_to_all = ["--env", "REGISTRY_AUTH__MODE=none"]
    said = docker.refused("run", "--rm", "--network=none", "--read-only", *open_to_all, "moorage")

    assert "allow_open" in said


def test_the_compose_files_start_one_node_with_a_password_from_a_file_that_keeps_its_data(
    docker: Client, crane: Client, tmp_path: Path
) -> None:
    port = free_port()
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    compose = _compose(docker, port, "compose.yaml", "compose.secret.yaml", ADMIN_PASSWORD_FILE=str(secret))
    try:
        compose("up", "--detach", "--no-build")
        container = compose("ps", "--quiet", "registry").strip()
        _wait_until_healthy(docker, container)
        said = _output(docker, container)
        pushed = _push_and_pull(crane, f"127.0.0.1:{port}", tmp_path)
        compose("down")

        compose("up", "--detach", "--no-build")
        _wait_until_healthy(docker, compose("ps", "--quiet", "registry").strip())
        found = crane("digest", f"127.0.0.1:{port}/team/app:1").strip()
    finally:
        compose("down", "--volumes")

    assert found == pushed
    assert "with the password" not in said


def test_certificates_are_made_in_the_compose_file_s_volume(docker: Client) -> None:
    compose = _compose(docker, free_port(), "compose.yaml")
    registry = ["run", "--rm", "-T", "registry"]
    try:
        made = json.loads(compose(*registry, "tls", "init", "--host", "registry.example.com", "--json"))
        settings = [f"--set={key}={path}" for key, path in made["settings"].items()]
        needed = json.loads(compose(*registry, "client-config", "docker", *settings, "--json"))
    finally:
        compose("down", "--volumes")

    assert made["settings"] == {"tls.certificate": "/data/tls/server.crt", "tls.key": "/data/tls/server.key"}
    assert [file["path"] for file in needed["files"]] == ["/etc/docker/certs.d/registry.example.com:5000/ca.crt"]


def _compose(docker: Client, port: int, *files: str, **environment: str) -> Client:
    named = [argument for file in files for argument in ("--file", str(ROOT / "docker" / file))]
    return client(
        require_tool("docker-compose"),
        *(*named, "--project-name", "moorage-test"),
        home=docker.home,
        environment={**docker.environment, "PORT": str(port), **environment},
    )


def _build(docker: Client, context: Path) -> None:
    offline = ["--build-arg", "PIP_NO_INDEX=1", "--build-arg", "PIP_FIND_LINKS=/source/docker/wheels"]
    docker(
        *("build", "--network=none", "--build-arg", "BASE=moorage-base", *offline),
        *("--file", context / "docker" / "Dockerfile", "--tag", "moorage", context),
    )


def _push_and_pull(crane: Client, address: str, directory: Path) -> str:
    layout = ImageLayout(directory / "layout")
    pushed = layout.put_image("one", runnable_image("hello"))
    crane("auth", "login", address, "--username=admin", f"--password={PASSWORD}")
    crane("push", layout.root, f"{address}/team/app:1")
    crane("pull", "--format=oci", f"{address}/team/app:1", directory / "pulled")
    assert ImageLayout.read(directory / "pulled").digests() == [pushed]
    return pushed


def _password_shown_by(docker: Client, container: str) -> str:
    [shown] = re.findall(r"The administrator is `admin`, with the password ([a-z0-9-]+)\n", _output(docker, container))
    assert isinstance(shown, str)
    return shown


def _output(docker: Client, container: str) -> str:
    """All that the container's program wrote, on either of its outputs."""
    merged = subprocess.run(
        [*docker.command, "logs", container],
        env=docker.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return merged.stdout


def _wait_until_healthy(docker: Client, container: str) -> None:
    deadline = time.monotonic() + HEALTH_DEADLINE_S
    while docker("inspect", "--format={{.State.Health.Status}}", container).strip() != "healthy":
        assert time.monotonic() < deadline, f"{docker('logs', container)}\n{docker('inspect', container)}"
        time.sleep(0.1)
