"""podman against the running registry."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.client import Client, podman_in
from tests.e2e.conftest import ARCHITECTURES, GREETING
from tests.e2e.server import RunningRegistry
from tests.images import Image, ImageLayout, build_image, docker_archive

pytestmark = [pytest.mark.root, pytest.mark.tool("podman"), pytest.mark.tool("busybox")]

PLAIN_HTTP = "--tls-verify=false"


@pytest.fixture
def podman(short_path: Path) -> Client:
    return podman_in(short_path)


@pytest.fixture
def loaded(podman: Client, name: str, image: Image, tmp_path: Path) -> str:
    """`image`, in podman's storage as the test's repository with the tag 1."""
    podman("load", "--input", docker_archive(tmp_path / "image.tar", f"{name}:1", image))
    return f"{name}:1"


def test_an_image_is_pushed_and_pulled(
    podman: Client, registry: RunningRegistry, repository: str, loaded: str, tmp_path: Path
) -> None:
    podman("push", PLAIN_HTTP, "--digestfile", tmp_path / "digest", loaded)
    podman("rmi", "--all", "--force")

    podman("pull", PLAIN_HTTP, loaded)

    pushed = (tmp_path / "digest").read_text()
    assert registry.digest(repository, "1") == pushed
    assert podman("inspect", "--type=image", "--format={{.Digest}}", loaded).strip() == pushed
    assert _greeting(podman, loaded) == GREETING


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_an_image_is_pushed_in_either_form(
    podman: Client, registry: RunningRegistry, repository: str, loaded: str, form: str, tmp_path: Path
) -> None:
    podman("push", PLAIN_HTTP, f"--format={form}", "--digestfile", tmp_path / "digest", loaded)

    answer = registry.manifest(repository, "1")
    assert answer.headers["Docker-Content-Digest"] == (tmp_path / "digest").read_text()
    assert (
        answer.headers["Content-Type"]
        == {
            "oci": "application/vnd.oci.image.manifest.v1+json",
            "v2s2": "application/vnd.docker.distribution.manifest.v2+json",
        }[form]
    )


def test_a_manifest_list_is_pushed_with_its_images(
    podman: Client, registry: RunningRegistry, repository: str, name: str, layout: ImageLayout, tmp_path: Path
) -> None:
    podman("manifest", "create", f"{name}:both", f"oci:{layout.root}:many", "--all")

    podman(
        "manifest",
        "push",
        PLAIN_HTTP,
        "--all",
        "--digestfile",
        tmp_path / "digest",
        f"{name}:both",
        f"docker://{name}:both",
    )

    answer = registry.manifest(repository, "both")
    assert answer.headers["Docker-Content-Digest"] == (tmp_path / "digest").read_text()
    assert {entry["platform"]["architecture"] for entry in answer.document["manifests"]} == set(ARCHITECTURES)
    podman("pull", PLAIN_HTTP, f"{name}:both")


def test_layers_of_zstd_are_pushed_and_pulled(
    podman: Client, registry: RunningRegistry, repository: str, name: str, tmp_path: Path
) -> None:
    # Bytes that nobody has pushed yet: podman would offer a gzip layer that it knows this registry to have.
    greeting = f"{uuid4()}\n"
    image = build_image({"greeting.txt": greeting.encode()})
    podman("load", "--input", docker_archive(tmp_path / "image.tar", f"{name}:1", image))

    podman("push", PLAIN_HTTP, "--format=oci", "--compression-format=zstd", f"{name}:1")
    podman("rmi", "--all", "--force")
    podman("pull", PLAIN_HTTP, f"{name}:1")

    layers = registry.manifest(repository, "1").document["layers"]
    assert {layer["mediaType"] for layer in layers} == {"application/vnd.oci.image.layer.v1.tar+zstd"}
    assert _greeting(podman, f"{name}:1") == greeting


def test_repositories_are_searched(podman: Client, name: str, loaded: str) -> None:
    podman("push", PLAIN_HTTP, loaded)

    found = json.loads(podman("search", PLAIN_HTTP, "--format=json", name))

    assert [entry["Name"] for entry in found] == [name]


def test_the_repositorys_tags_are_listed(podman: Client, name: str, loaded: str) -> None:
    for tag in ("b", "a"):
        podman("push", PLAIN_HTTP, loaded, f"docker://{name}:{tag}")

    listed = json.loads(podman("search", PLAIN_HTTP, "--list-tags", "--format=json", name))

    assert [entry["Tags"] for entry in listed] == [["a", "b"]]


def _greeting(podman: Client, name: str) -> str:
    # Mounted, not run: that needs neither cgroups nor limits that a machine may withhold.
    mounted = Path(podman("image", "mount", name).strip())
    try:
        return (mounted / "greeting.txt").read_text()
    finally:
        podman("image", "umount", name)
