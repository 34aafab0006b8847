"""Real clients log in to a registry with accounts, push, pull, and are refused."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.client import Client, client
from tests.e2e.conftest import GREETING
from tests.e2e.daemons import running_dockerd
from tests.e2e.server import REGISTRY, RunningRegistry, running_registry
from tests.images import Image, ImageLayout, docker_archive
from tests.requirements import require_root, require_tool

PASSWORD = "correct-horse-battery"
TOKENS = {"REGISTRY_AUTH__MODE": "token"}
WRONG = "wrong-horse-battery"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A server in which everybody has to log in; its only account is the administrator's."""
    environment = {**TOKENS, "REGISTRY_AUTH__ADMIN_PASSWORD": PASSWORD}
    with running_registry(tmp_path_factory.mktemp("registry"), environment=environment) as running:
        yield running


def test_the_first_start_shows_a_password_once_and_the_next_none(tmp_path: Path) -> None:
    with running_registry(tmp_path, environment=TOKENS) as registry:
        pass
    said = registry.log.read_text()
    with running_registry(tmp_path, environment=TOKENS):
        pass

    assert len(re.findall(r"The administrator is `admin`, with the password [a-z0-9-]+\n", said)) == 1
    assert registry.log.read_text().count("with the password") == 1


def test_the_runner_logs_in_pushes_pulls_and_is_refused(registry: RunningRegistry, name: str, tmp_path: Path) -> None:
    places: list[str | Path] = ["--root", tmp_path / "store", "--state", tmp_path / "state"]
    runner = client(REGISTRY.with_name("runner"), *places, home=tmp_path / "home")
    (tmp_path / "root").mkdir()
    runner("import", tmp_path / "root", f"{name}:1")
    assert "`runner login` keeps a login" in runner.refused("push", f"{name}:1")
    runner.refused("login", "--username=admin", f"--password={WRONG}", registry.address)

    said = runner("login", "--username=admin", "--password-stdin", registry.address, stdin=PASSWORD.encode())
    runner("push", f"{name}:1")
    runner("rmi", f"{name}:1")
    runner("pull", f"{name}:1")

    assert said == "Login Succeeded\n"
    kept = json.loads((tmp_path / "home/.docker/config.json").read_text())
    assert list(kept["auths"]) == [registry.address]
    assert runner("logout", registry.address) == f"Removing login credentials for {registry.address}\n"
    assert runner("logout", registry.address) == f"Not logged in to {registry.address}\n"
    runner.refused("pull", f"{name}:1")


@pytest.mark.tool("skopeo")
@pytest.mark.tool("busybox")
def test_skopeo_logs_in_pushes_pulls_and_is_refused(
    registry: RunningRegistry, name: str, layout: ImageLayout, tmp_path: Path
) -> None:
    skopeo = client(require_tool("skopeo"), "--insecure-policy", home=tmp_path / "home")
    plain = ["--tls-verify=false", f"--authfile={tmp_path / 'auth.json'}"]
    push = ["copy", "--dest-tls-verify=false", f"--dest-authfile={tmp_path / 'auth.json'}", f"oci:{layout.root}:one"]
    assert "requested access to the resource is denied" in skopeo.refused(*push, f"docker://{name}:1")
    skopeo.refused("login", *plain, "--username=admin", f"--password={WRONG}", registry.address)

    skopeo("login", *plain, "--username=admin", f"--password={PASSWORD}", registry.address)
    skopeo(*push, f"docker://{name}:1")
    pulled = f"oci:{tmp_path / 'pulled'}:1"
    skopeo("copy", "--src-tls-verify=false", f"--src-authfile={tmp_path / 'auth.json'}", f"docker://{name}:1", pulled)

    assert ImageLayout.read(tmp_path / "pulled").digest("1") == layout.digest("one")
    skopeo("logout", f"--authfile={tmp_path / 'auth.json'}", registry.address)
    skopeo.refused("inspect", *plain, f"docker://{name}:1")


@pytest.mark.tool("crane")
@pytest.mark.tool("busybox")
def test_crane_logs_in_pushes_and_lists(registry: RunningRegistry, name: str, image: Image, tmp_path: Path) -> None:
    single = ImageLayout(tmp_path / "single")
    single.put_image("one", image)
    crane = client(require_tool("crane"), home=tmp_path / "home")
    assert "401 Unauthorized" in crane.refused("push", single.root, f"{name}:1")

    crane("auth", "login", registry.address, "--username=admin", f"--password={PASSWORD}")
    crane("push", single.root, f"{name}:1")
    crane("copy", f"{name}:1", f"{name}/copied:1")

    crane("validate", "--remote", f"{name}:1")
    assert name.partition("/")[2] in crane("catalog", registry.address).split()


def registry_command(registry: RunningRegistry, *arguments: str) -> str:
    """What an operator's command prints, beside the running registry."""
    command: list[str | Path] = [REGISTRY, *arguments, "--data", registry.data]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout.strip()


@pytest.mark.tool("crane")
@pytest.mark.tool("busybox")
def test_a_robot_made_by_one_command_pushes_where_it_may_until_its_token_is_revoked(
    registry: RunningRegistry, image: Image, tmp_path: Path
) -> None:
    single = ImageLayout(tmp_path / "single")
    single.put_image("one", image)
    crane = client(require_tool("crane"), home=tmp_path / "home")
    registry_command(registry, "org", "create", "crew")
    token = registry_command(registry, "robot", "create", "crew+ci", "--repository", "crew/*", "--role", "writer")

    crane("auth", "login", registry.address, "--username=crew+ci", f"--password={token}")
    crane("push", single.root, f"{registry.address}/crew/app:1")
    crane.refused("push", single.root, f"{registry.address}/other/app:1")
    crane.refused("delete", f"{registry.address}/crew/app:1")
    used = json.loads(registry_command(registry, "robot", "token", "list", "crew+ci", "--json"))["tokens"]
    registry_command(registry, "robot", "token", "rm", "crew+ci", str(used[0]["id"]))

    crane.refused("push", single.root, f"{registry.address}/crew/app:2")
    assert token not in registry.log.read_text()


@pytest.mark.root
@pytest.mark.tool("podman")
@pytest.mark.tool("busybox")
def test_podman_logs_in_pushes_and_pulls(
    registry: RunningRegistry, name: str, image: Image, short_path: Path, tmp_path: Path
) -> None:
    home = short_path
    storage: list[str | Path] = ["--root", home / "root", "--runroot", home / "run", "--tmpdir", home / "state"]
    settings = ["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=file"]
    podman = client(require_tool("podman"), *storage, *settings, home=home)
    podman("load", "--input", docker_archive(tmp_path / "image.tar", f"{name}:1", image))
    podman.refused("push", "--tls-verify=false", f"{name}:1")

    podman("login", "--tls-verify=false", "--username=admin", f"--password={PASSWORD}", registry.address)
    podman("push", "--tls-verify=false", f"{name}:1")
    podman("rmi", "--all", "--force")

    podman("pull", "--tls-verify=false", f"{name}:1")


@pytest.mark.root
@pytest.mark.tool("dockerd")
@pytest.mark.tool("docker")
@pytest.mark.tool("busybox")
def test_docker_logs_in_pushes_pulls_runs_searches_and_logs_out(
    registry: RunningRegistry, repository: str, name: str, image: Image, tmp_path: Path
) -> None:
    require_root()
    with running_dockerd(require_tool("dockerd")) as listener:
        docker: Client = client(require_tool("docker"), "--host", f"unix://{listener}", home=tmp_path / "home")
        docker("load", "--input", docker_archive(tmp_path / "image.tar", f"{name}:1", image))
        docker.refused("push", f"{name}:1")
        docker.refused("login", "--username=admin", f"--password={WRONG}", registry.address)

        docker("login", "--username=admin", f"--password={PASSWORD}", registry.address)
        docker("push", f"{name}:1")
        docker("rmi", "--force", f"{name}:1")
        docker("pull", f"{name}:1")

        assert docker("run", "--rm", "--network=none", f"{name}:1") == GREETING
        assert docker("search", "--format", "{{.Name}}", name).splitlines() == [repository]
        docker("logout", registry.address)
        assert docker("search", "--format", "{{.Name}}", name) == ""
        docker("rmi", "--force", f"{name}:1")
        docker.refused("pull", f"{name}:1")

        namespace = name.split("/")[1]
        robot = f"{namespace}+ci"
        token = registry_command(registry, "robot", "create", robot, "--repository", f"{namespace}/*")
        docker("login", "--username", robot, "--password-stdin", registry.address, stdin=token.encode())
        docker("pull", f"{name}:1")
        docker.refused("push", f"{name}:1")
    # Docker keeps what the token server gave it, not the password.
    assert PASSWORD not in (tmp_path / "home" / ".docker" / "config.json").read_text()
    assert PASSWORD not in registry.log.read_text()


def test_a_registry_whose_keys_are_sealed_does_not_start_without_their_key_file(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_bytes(bytes(32))
    with running_registry(tmp_path, environment={**TOKENS, "REGISTRY_AUTH__KEY_FILE": str(key_file)}) as registry:
        assert registry.ask("/.well-known/jwks.json").document["keys"][0]["alg"] == "ES256"

    command: list[str | Path] = [REGISTRY, "serve", "--listen", "127.0.0.1:0", "--data", registry.data]
    ended = subprocess.run(
        command, env={**os.environ, **TOKENS}, capture_output=True, text=True, timeout=90, check=False
    )

    assert ended.returncode == 1
    assert "auth.key_file" in ended.stderr
