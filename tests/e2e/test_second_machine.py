"""docs/tls.md, step by step: clients on a second machine with nothing but what `registry client-config` says."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.client import Client, client
from tests.e2e.daemons import configured_dockerd, running_containerd
from tests.e2e.second_machine import Machine, linked, machine
from tests.e2e.server import REGISTRY, RunningRegistry, running_registry
from tests.images import Image, ImageLayout, docker_archive
from tests.network_namespaces import Link
from tests.requirements import require_root, require_tool

pytestmark = [
    pytest.mark.root,
    pytest.mark.tool("ip"),
    pytest.mark.tool("busybox"),
]

HOST = "registry.example.com"
CLIENT = "laptop"
PORTS = {"tls": 5000, "mutual-tls": 5001, "plain": 5002}
DEADLINE_S = 90.0


@dataclass(frozen=True, slots=True)
class Service:
    """A registry on this machine, `authority` as the second one names it, and the folder of its certificates."""

    registry: RunningRegistry
    config: Path
    authority: str
    tls: Path
    asks_for_certificates: bool

    def place(self, kind: str, root: Path, *options: str | Path) -> str:
        """Place what `registry client-config` says below `root`; what it said to people."""
        place = ("--config", self.config, "--write", root)
        run = subprocess.run(
            [REGISTRY, "client-config", kind, *place, *options], check=False, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr
        return run.stderr

    @property
    def certificate(self) -> tuple[str | Path, ...]:
        """The options that name the client's certificate, where the registry asks for one."""
        return ("--cert", self.tls / f"clients/{CLIENT}.crt") if self.asks_for_certificates else ()


@pytest.fixture(scope="module")
def link() -> Iterator[Link]:
    require_root()
    require_tool("ip")
    with linked() as made:
        yield made


@pytest.fixture(scope="module")
def services(link: Link, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Service]]:
    """A registry with a certificate, one that asks clients for theirs as well, and one without any."""
    directory = tmp_path_factory.mktemp("services")
    with ExitStack() as stack:
        yield {kind: start(stack, directory / kind, kind, link) for kind in PORTS}


def start(stack: ExitStack, directory: Path, kind: str, link: Link) -> Service:
    """Configure a registry with what `registry tls` prints, and run it until the stack is unwound."""
    directory.mkdir()
    address = f"{link.address}:{PORTS[kind]}"
    lines = [f'server.listen = "{address}"', "server.workers = 1", "auth.allow_open = true"]
    if kind != "plain":
        lines += tls("init", "--host", HOST, "--host", link.address, "--data", directory / "data")
    if kind == "mutual-tls":
        [made] = [line for line in tls("client", CLIENT, "--data", directory / "data") if line.startswith("client_ca")]
        lines.append(made)
    config = directory / "config.toml"
    config.write_text("\n".join(lines))
    files = directory / "data" / "tls"
    running = running_registry(
        directory, "--config", str(config), address=address, tls=asking(files) if kind != "plain" else None
    )
    authority = address if kind == "plain" else f"{HOST}:{PORTS[kind]}"
    return Service(stack.enter_context(running), config, authority, files, kind == "mutual-tls")


def tls(*arguments: str | Path) -> list[str]:
    """The lines that `registry tls` prints."""
    run = subprocess.run([REGISTRY, "tls", *arguments], check=True, capture_output=True, text=True)
    return run.stdout.splitlines()


def asking(files: Path) -> ssl.SSLContext:
    """How the tests themselves ask a registry whose certificates are in `files`."""
    context = ssl.create_default_context(cafile=files / "ca.crt")
    if (files / "clients").exists():
        context.load_cert_chain(files / f"clients/{CLIENT}.crt", files / f"clients/{CLIENT}.key")
    return context


@pytest.fixture(params=["tls", "mutual-tls"])
def service(request: pytest.FixtureRequest, services: dict[str, Service]) -> Service:
    return services[request.param]


@pytest.fixture(scope="module")
def docker_machine(link: Link, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return machine(link, tmp_path_factory.mktemp("docker"), {HOST: link.address})


@pytest.fixture(scope="module")
def dockerd(docker_machine: Machine) -> Iterator[tuple[Path, int]]:
    """The socket and process id of a Docker daemon on the second machine."""
    with configured_dockerd(*docker_machine.command(require_tool("dockerd"))) as running:
        yield running


@pytest.fixture
def docker(dockerd: tuple[Path, int], tmp_path: Path) -> Client:
    return client(require_tool("docker"), "--host", f"unix://{dockerd[0]}", home=tmp_path / "home")


@pytest.fixture
def podman_machine(link: Link, tmp_path: Path) -> Machine:
    return machine(link, tmp_path / "podman", {HOST: link.address})


@pytest.fixture
def podman(podman_machine: Machine, short_path: Path) -> Client:
    home = short_path
    storage: list[str | Path] = ["--root", home / "root", "--runroot", home / "run", "--tmpdir", home / "state"]
    settings = ["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=file"]
    return podman_machine.client(require_tool("podman"), *storage, *settings, home=home)


@pytest.mark.tool("dockerd")
@pytest.mark.tool("docker")
def test_docker_needs_the_files_and_nothing_else(
    docker: Client, docker_machine: Machine, service: Service, repository: str, image: Image, tmp_path: Path
) -> None:
    name = f"{service.authority}/{repository}:1"
    docker("load", "--input", docker_archive(tmp_path / "image.tar", name, image))
    assert "x509" in docker.refused("push", name)
    if service.asks_for_certificates:
        said = service.place("docker", docker_machine.root)
        assert "registry tls client" in said
        docker.refused("push", name)

    service.place("docker", docker_machine.root, *service.certificate)
    docker("push", name)
    docker("rmi", "--force", name)
    docker("pull", name)

    digest = service.registry.digest(repository, "1")
    assert f"{service.authority}/{repository}@{digest}" in docker("inspect", "--format", "{{.RepoDigests}}", name)


@pytest.mark.tool("dockerd")
@pytest.mark.tool("docker")
def test_docker_is_told_of_plain_http(
    docker: Client,
    dockerd: tuple[Path, int],
    docker_machine: Machine,
    services: dict[str, Service],
    repository: str,
    image: Image,
    tmp_path: Path,
) -> None:
    service = services["plain"]
    name = f"{service.authority}/{repository}:1"
    docker("load", "--input", docker_archive(tmp_path / "image.tar", name, image))
    assert "HTTP response to HTTPS client" in docker.refused("push", name)

    service.place("docker", docker_machine.root)
    os.kill(dockerd[1], signal.SIGHUP)
    await_insecure(docker, service.authority)
    docker("push", name)

    assert service.registry.digest(repository, "1") is not None


def await_insecure(docker: Client, authority: str) -> None:
    """Wait until the daemon has read its configuration again."""
    end = time.monotonic() + DEADLINE_S
    while authority not in json.loads(docker("info", "--format", "{{json .RegistryConfig.IndexConfigs}}")):
        assert time.monotonic() < end, "dockerd did not take its new configuration up"
        time.sleep(0.02)


@pytest.mark.tool("podman")
def test_podman_needs_the_files_and_nothing_else(
    podman: Client, podman_machine: Machine, service: Service, repository: str, image: Image, tmp_path: Path
) -> None:
    name = f"{service.authority}/{repository}:1"
    podman("load", "--input", docker_archive(tmp_path / "image.tar", name, image))
    assert "x509" in podman.refused("push", name)
    if service.asks_for_certificates:
        service.place("podman", podman_machine.root)
        podman.refused("push", name)

    service.place("podman", podman_machine.root, *service.certificate)
    podman("push", "--digestfile", tmp_path / "digest", name)
    podman("rmi", "--all", "--force")
    podman("pull", name)

    assert service.registry.digest(repository, "1") == (tmp_path / "digest").read_text()


@pytest.mark.tool("podman")
def test_podman_is_told_of_plain_http(
    podman: Client,
    podman_machine: Machine,
    services: dict[str, Service],
    repository: str,
    image: Image,
    tmp_path: Path,
) -> None:
    service = services["plain"]
    name = f"{service.authority}/{repository}:1"
    podman("load", "--input", docker_archive(tmp_path / "image.tar", name, image))
    assert "HTTP response to HTTPS client" in podman.refused("push", name)

    service.place("podman", podman_machine.root)
    podman("push", name)

    assert service.registry.digest(repository, "1") is not None


@pytest.fixture(scope="module")
def containerd() -> Iterator[Path]:
    # It stores images, on either machine; it is ctr that speaks with registries.
    with running_containerd(require_tool("containerd")) as listener:
        yield listener


@pytest.mark.tool("containerd")
@pytest.mark.tool("ctr")
@pytest.mark.parametrize("kind", list(PORTS))
def test_containerd_needs_the_files_and_nothing_else(
    containerd: Path,
    link: Link,
    services: dict[str, Service],
    kind: str,
    repository: str,
    layout: ImageLayout,
    tmp_path: Path,
) -> None:
    service = services[kind]
    second = machine(link, tmp_path / "second", {HOST: link.address})
    ctr = second.client(require_tool("ctr"), "--address", containerd, "--namespace", kind, home=tmp_path / "home")
    directory = ("--hosts-dir", "/etc/containerd/certs.d")
    name = f"{service.authority}/{repository}"
    archive = layout.archive(tmp_path / "layout.tar")
    ctr("images", "import", "--no-unpack", "--all-platforms", "--base-name", name, archive)
    ctr.refused("images", "push", *directory, f"{name}:one")
    if service.asks_for_certificates:
        service.place("containerd", second.root)
        ctr.refused("images", "push", *directory, f"{name}:one")

    # By force: the hosts.toml of a moment ago knows no client's certificate.
    service.place("containerd", second.root, *service.certificate, "--force")
    assert_understood(ctr, "images", "push", *directory, f"{name}:one")
    ctr("images", "remove", "--sync", f"{name}:one", f"{name}:many")
    ctr("images", "pull", *directory, "--snapshotter=native", f"{name}:one")

    assert service.registry.digest(repository, "one") == layout.digest("one")


def assert_understood(ctr: Client, *arguments: str) -> None:
    """A command succeeds by hosts.toml: where ctr cannot read that, it complains and does as docker does."""
    command = [*ctr.command, *arguments]
    run = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ctr.home, env=ctr.environment)
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.tool("containerd")
def test_containerd_understands_where_it_is_told_to_look(
    services: dict[str, Service], link: Link, tmp_path: Path
) -> None:
    second = machine(link, tmp_path / "second", {})
    services["tls"].place("kubernetes", second.root, "--containerd-major", "1")
    containerd = second.client(require_tool("containerd"), home=tmp_path / "home")

    assert '\n      config_path = "/etc/containerd/certs.d"\n' in containerd("config", "dump")
