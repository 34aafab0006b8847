"""Clients against a registry whose bytes are in S3."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.client import client
from tests.e2e.daemons import running_dockerd
from tests.e2e.s3 import s3_environment
from tests.e2e.server import RunningRegistry, running_registry
from tests.images import Image, ImageLayout, build_image, docker_archive
from tests.requirements import require_tool
from tests.s3 import S3Server, running_versitygw

pytestmark = [pytest.mark.e2e, pytest.mark.tool("busybox")]


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with running_versitygw() as server:
        yield server


@pytest.fixture(scope="module")
def registry(server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """In place of the one on files."""
    environment = s3_environment(server, "e2e/")
    with running_registry(tmp_path_factory.mktemp("registry"), environment=environment) as running:
        yield running


@pytest.fixture
def image() -> Image:
    """One whose layers need one part and several, and that runs."""
    return build_image(
        {"bin/busybox": Path(require_tool("busybox")).read_bytes(), "small": b"small"},
        {"large": os.urandom(20 << 20)},
        command=["/bin/busybox", "echo", "out of a bucket"],
    )


@pytest.mark.tool("skopeo")
def test_an_image_comes_back_from_s3_as_it_was_pushed(
    registry: RunningRegistry, server: S3Server, repository: str, name: str, layout: ImageLayout, tmp_path: Path
) -> None:
    skopeo = client(require_tool("skopeo"), "--insecure-policy", home=tmp_path / "home")
    pushed = layout.digest("one")

    skopeo("copy", "--preserve-digests", "--dest-tls-verify=false", f"oci:{layout.root}:one", f"docker://{name}:1")
    skopeo("copy", "--src-tls-verify=false", f"docker://{name}:1", f"oci:{tmp_path / 'pulled'}:1")

    assert registry.digest(repository, "1") == pushed
    assert ImageLayout.read(tmp_path / "pulled").digest("1") == pushed
    assert server.pending("e2e/") == []
    assert server.names("e2e/uploads/") == []
    assert not list((registry.data).glob("storage/**/*"))


@pytest.mark.root
@pytest.mark.tool("dockerd")
@pytest.mark.tool("docker")
def test_docker_pushes_to_s3_pulls_and_runs(
    registry: RunningRegistry, server: S3Server, name: str, image: Image, tmp_path: Path
) -> None:
    with running_dockerd(require_tool("dockerd")) as listener:
        docker = client(require_tool("docker"), "--host", f"unix://{listener}", home=tmp_path / "home")
        docker("load", "--input", docker_archive(tmp_path / "image.tar", f"{name}:1", image))

        docker("push", f"{name}:1")
        docker("image", "rm", f"{name}:1")
        said = docker("run", "--rm", "--network=none", f"{name}:1")

    assert said.strip() == "out of a bucket"
    assert server.names("e2e/uploads/") == []
