"""buildah against the running registry."""

from pathlib import Path

import pytest

from tests.e2e.client import Client, client
from tests.e2e.conftest import ARCHITECTURES
from tests.e2e.server import RunningRegistry
from tests.images import BUSYBOX, Image, ImageLayout, docker_archive
from tests.requirements import require_tool

pytestmark = [pytest.mark.root, pytest.mark.tool("buildah"), pytest.mark.tool("busybox")]

PLAIN_HTTP = "--tls-verify=false"


@pytest.fixture
def buildah(short_path: Path) -> Client:
    home = short_path
    storage: list[str | Path] = ["--root", home / "root", "--runroot", home / "run", "--storage-driver=vfs"]
    # A chroot needs no runtime, no cgroup and no network.
    return client(require_tool("buildah"), *storage, home=home, environment={"BUILDAH_ISOLATION": "chroot"})


def test_an_image_made_from_nothing_is_pushed_and_pulled(
    buildah: Client, registry: RunningRegistry, repository: str, name: str, tmp_path: Path
) -> None:
    container = buildah("from", "scratch").strip()
    buildah("copy", container, BUSYBOX, "/bin/busybox")
    buildah("config", "--cmd", "/bin/busybox true", container)
    buildah("commit", container, f"{name}:1")

    buildah("push", PLAIN_HTTP, "--digestfile", tmp_path / "digest", f"{name}:1")
    buildah("rm", "--all")
    buildah("rmi", "--all", "--force")
    buildah("pull", PLAIN_HTTP, f"{name}:1")

    pushed = (tmp_path / "digest").read_text()
    assert registry.digest(repository, "1") == pushed
    assert pushed in buildah("images", "--digests", "--format={{.Digest}}", f"{name}:1")


def test_an_image_is_built_on_a_pushed_base(
    buildah: Client, registry: RunningRegistry, repository: str, name: str, image: Image, tmp_path: Path
) -> None:
    archive = docker_archive(tmp_path / "image.tar", f"{name}:base", image)
    buildah("push", PLAIN_HTTP, buildah("pull", f"docker-archive:{archive}").strip(), f"docker://{name}:base")
    buildah("rmi", "--all", "--force")
    recipe = tmp_path / "Containerfile"
    recipe.write_text(f'FROM {name}:base\nRUN ["/bin/busybox", "touch", "/made"]\n')

    buildah("build", PLAIN_HTTP, "--file", recipe, "--tag", f"{name}:built", buildah.home)
    buildah("push", PLAIN_HTTP, "--digestfile", tmp_path / "digest", f"{name}:built")

    assert registry.digest(repository, "built") == (tmp_path / "digest").read_text()
    assert registry.tags(repository) == ["base", "built"]


def test_a_manifest_list_is_pushed_with_its_images(
    buildah: Client, registry: RunningRegistry, repository: str, name: str, layout: ImageLayout, tmp_path: Path
) -> None:
    buildah("manifest", "create", "both")
    buildah("manifest", "add", "--all", "both", f"oci:{layout.root}:many")

    buildah(
        "manifest", "push", PLAIN_HTTP, "--all", "--digestfile", tmp_path / "digest", "both", f"docker://{name}:both"
    )

    answer = registry.manifest(repository, "both")
    assert answer.headers["Docker-Content-Digest"] == (tmp_path / "digest").read_text()
    assert {entry["platform"]["architecture"] for entry in answer.document["manifests"]} == set(ARCHITECTURES)
