"""The container image and the compose file: built and run by a real dockerd, without a public registry."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.build import ROOT, import_base, make_context
from tests.e2e.client import Client, client
from tests.e2e.daemons import running_dockerd
from tests.e2e.server import free_port
from tests.images import ImageLayout, runnable_image
from tests.requirements import require_root, require_tool

pytestmark = [
    pytest.mark.root,
    pytest.mark.heavy,
    pytest.mark.e2e,
    pytest.mark.tool("dockerd"),
    pytest.mark.tool("docker"),
    pytest.mark.tool("docker-compose"),
    pytest.mark.tool("debootstrap"),
    pytest.mark.tool("crane"),
    pytest.mark.tool("busybox"),
    pytest.mark.timeout(900),
]

HEALTH_DEADLINE_S = 60.0


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of the tests' own Docker daemon, which has built the image `moorage`."""
    require_root()
    home = tmp_path_factory.mktemp("docker")
    with running_dockerd(require_tool("dockerd")) as listener:
        made = client(
            require_tool("docker"),
            *("--host", f"unix://{listener}"),
            home=home,
            # BuildKit is no part of every Docker; the classic builder is.
            environment={"DOCKER_BUILDKIT": "0", "DOCKER_HOST": f"unix://{listener}"},
        )
        import_base(made, "moorage-base")
        _build(made, make_context(home, made, "moorage-base"))
        yield made


@pytest.fixture
def crane(tmp_path: Path) -> Client:
    return client(require_tool("crane"), home=tmp_path / "crane")


def test_the_image_runs_read_only_as_an_ordinary_user_and_becomes_healthy(
    docker: Client, crane: Client, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{free_port()}"
    listen = ["--network=host", "--env", f"REGISTRY_SERVER__LISTEN={address}"]
    narrow = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
    container = docker("run", "--detach", *listen, *narrow, "--health-interval=1s", "moorage").strip()
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
    said = docker.refused("run", "--rm", "--network=none", "--read-only", "moorage")

    assert "allow_open" in said


def test_the_compose_file_starts_one_node_that_keeps_its_data(docker: Client, crane: Client, tmp_path: Path) -> None:
    port = free_port()
    compose = _compose(docker, port)
    try:
        compose("up", "--detach", "--no-build")
        _wait_until_healthy(docker, compose("ps", "--quiet", "registry").strip())
        pushed = _push_and_pull(crane, f"127.0.0.1:{port}", tmp_path)
        compose("down")

        compose("up", "--detach", "--no-build")
        _wait_until_healthy(docker, compose("ps", "--quiet", "registry").strip())
        found = crane("digest", f"127.0.0.1:{port}/team/app:1").strip()
    finally:
        compose("down", "--volumes")

    assert found == pushed


def test_certificates_are_made_in_the_compose_file_s_volume(docker: Client) -> None:
    compose = _compose(docker, free_port())
    registry = ["run", "--rm", "-T", "registry"]
    try:
        made = json.loads(compose(*registry, "tls", "init", "--host", "registry.example.com", "--json"))
        settings = [f"--set={key}={path}" for key, path in made["settings"].items()]
        needed = json.loads(compose(*registry, "client-config", "docker", *settings, "--json"))
    finally:
        compose("down", "--volumes")

    assert made["settings"] == {"tls.certificate": "/data/tls/server.crt", "tls.key": "/data/tls/server.key"}
    assert [file["path"] for file in needed["files"]] == ["/etc/docker/certs.d/registry.example.com:5000/ca.crt"]


def _compose(docker: Client, port: int) -> Client:
    return client(
        require_tool("docker-compose"),
        *("--file", ROOT / "docker" / "compose.yaml", "--project-name", "moorage-test"),
        home=docker.home,
        environment={**docker.environment, "PORT": str(port)},
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
    crane("push", layout.root, f"{address}/team/app:1")
    crane("pull", "--format=oci", f"{address}/team/app:1", directory / "pulled")
    assert ImageLayout.read(directory / "pulled").digests() == [pushed]
    return pushed


def _wait_until_healthy(docker: Client, container: str) -> None:
    deadline = time.monotonic() + HEALTH_DEADLINE_S
    while docker("inspect", "--format={{.State.Health.Status}}", container).strip() != "healthy":
        assert time.monotonic() < deadline, f"{docker('logs', container)}\n{docker('inspect', container)}"
        time.sleep(0.1)
