"""Real clients through a load balancer, each of whose requests goes to the next of two nodes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.balancer import balanced_registry
from tests.e2e.client import client, podman_in
from tests.e2e.conftest import GREETING
from tests.e2e.daemons import running_dockerd
from tests.e2e.server import RunningRegistry
from tests.images import Image, ImageLayout, docker_archive
from tests.postgresql import running_cluster
from tests.requirements import require_root, require_tool
from tests.s3 import running_versitygw

pytestmark = [
    pytest.mark.tool("haproxy"),
    pytest.mark.tool("postgres"),
    pytest.mark.tool("versitygw"),
    pytest.mark.tool("busybox"),
]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """Two nodes over PostgreSQL and S3, seen as clients see them."""
    directory = tmp_path_factory.mktemp("balanced")
    with running_cluster() as cluster, running_versitygw() as s3:
        settings = (f"database.url={cluster.url(cluster.create())}", *s3.flags(), "server.workers=1")
        with balanced_registry(directory, *settings) as balanced:
            yield RunningRegistry(balanced.address, directory, directory / "balancer.log")


@pytest.mark.root
@pytest.mark.tool("dockerd")
@pytest.mark.tool("docker")
def test_docker_pushes_pulls_and_runs(
    registry: RunningRegistry, repository: str, name: str, image: Image, tmp_path: Path
) -> None:
    require_root()
    with running_dockerd(require_tool("dockerd")) as listener:
        docker = client(require_tool("docker"), "--host", f"unix://{listener}", home=tmp_path / "home")
        docker("load", "--input", docker_archive(tmp_path / "image.tar", f"{name}:1", image))
        docker("push", f"{name}:1")
        docker("tag", f"{name}:1", f"{name}/copied:1")
        mounted = docker("push", f"{name}/copied:1")
        docker("rmi", "--force", f"{name}:1", f"{name}/copied:1")
        docker("pull", f"{name}/copied:1")

        assert "Mounted from" in mounted
        assert docker("run", "--rm", "--network=none", f"{name}/copied:1") == GREETING
    assert registry.digest(repository, "1") == registry.digest(f"{repository}/copied", "1")


@pytest.mark.root
@pytest.mark.tool("podman")
def test_podman_pushes_and_pulls(
    registry: RunningRegistry, repository: str, name: str, image: Image, short_path: Path, tmp_path: Path
) -> None:
    podman = podman_in(short_path)
    podman("load", "--input", docker_archive(tmp_path / "image.tar", f"{name}:1", image))
    podman("push", "--tls-verify=false", "--digestfile", tmp_path / "digest", f"{name}:1")
    podman("rmi", "--all", "--force")

    podman("pull", "--tls-verify=false", f"{name}:1")

    pushed = (tmp_path / "digest").read_text()
    assert registry.digest(repository, "1") == pushed
    assert podman("inspect", "--type=image", "--format={{.Digest}}", f"{name}:1").strip() == pushed


@pytest.mark.tool("skopeo")
def test_skopeo_pushes_and_pulls_all_platforms(
    registry: RunningRegistry, repository: str, name: str, layout: ImageLayout, tmp_path: Path
) -> None:
    skopeo = client(require_tool("skopeo"), "--insecure-policy", home=tmp_path / "home")
    preserve, plain = "--preserve-digests", ("--dest-tls-verify=false", "--src-tls-verify=false")
    skopeo("copy", "--all", preserve, plain[0], f"oci:{layout.root}:many", f"docker://{name}:1")
    skopeo("copy", "--all", preserve, *plain, f"docker://{name}:1", f"docker://{name}/copied:1")
    skopeo("copy", "--all", plain[1], f"docker://{name}/copied:1", f"oci:{tmp_path / 'pulled'}:1")

    assert registry.digest(repository, "1") == layout.digest("many")
    assert ImageLayout.read(tmp_path / "pulled").digest("1") == layout.digest("many")
