"""skopeo against the running registry."""

import json
from pathlib import Path

import pytest

from tests.e2e.client import Client, client
from tests.e2e.server import RunningRegistry
from tests.images import ImageLayout
from tests.requirements import require_tool

pytestmark = [pytest.mark.tool("skopeo"), pytest.mark.tool("busybox")]

# Else skopeo sends other bytes of the same layer when it remembers that this registry has those already.
PRESERVE = "--preserve-digests"


@pytest.fixture
def skopeo(tmp_path: Path) -> Client:
    return client(require_tool("skopeo"), "--insecure-policy", home=tmp_path / "home")


def test_an_image_comes_back_as_it_was_pushed(
    skopeo: Client, registry: RunningRegistry, repository: str, name: str, layout: ImageLayout, tmp_path: Path
) -> None:
    pushed = layout.digest("one")

    skopeo("copy", PRESERVE, "--dest-tls-verify=false", f"oci:{layout.root}:one", f"docker://{name}:1")
    skopeo("copy", "--src-tls-verify=false", f"docker://{name}:1", f"oci:{tmp_path / 'pulled'}:1")

    assert registry.digest(repository, "1") == pushed
    assert ImageLayout.read(tmp_path / "pulled").digest("1") == pushed


def test_an_index_is_copied_with_all_its_platforms(
    skopeo: Client, registry: RunningRegistry, repository: str, name: str, layout: ImageLayout, tmp_path: Path
) -> None:
    pushed = layout.digest("many")

    skopeo("copy", "--all", PRESERVE, "--dest-tls-verify=false", f"oci:{layout.root}:many", f"docker://{name}:1")
    skopeo("copy", "--all", "--src-tls-verify=false", f"docker://{name}:1", f"oci:{tmp_path / 'pulled'}:1")

    assert registry.digest(repository, "1") == pushed
    assert ImageLayout.read(tmp_path / "pulled").digest("1") == pushed


def test_a_copy_to_another_repository_keeps_the_digest(
    skopeo: Client, registry: RunningRegistry, repository: str, name: str, layout: ImageLayout
) -> None:
    skopeo("copy", PRESERVE, "--dest-tls-verify=false", f"oci:{layout.root}:one", f"docker://{name}:1")

    tls = ["--src-tls-verify=false", "--dest-tls-verify=false"]
    skopeo("copy", PRESERVE, *tls, f"docker://{name}:1", f"docker://{name}/copied:2")

    assert registry.digest(f"{repository}/copied", "2") == layout.digest("one")


def test_an_image_of_docker_schema_two_keeps_its_kind(
    skopeo: Client, registry: RunningRegistry, repository: str, name: str, layout: ImageLayout, tmp_path: Path
) -> None:
    skopeo("copy", "--format=v2s2", "--dest-tls-verify=false", f"oci:{layout.root}:one", f"docker://{name}:1")
    skopeo("copy", "--src-tls-verify=false", f"docker://{name}:1", f"dir:{tmp_path / 'pulled'}")

    answer = registry.manifest(repository, "1")
    assert answer.headers["Content-Type"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert (tmp_path / "pulled" / "manifest.json").read_bytes() == answer.body


def test_inspect_lists_layers_and_tags(skopeo: Client, name: str, layout: ImageLayout) -> None:
    for tag in ("b", "a"):
        skopeo("copy", PRESERVE, "--dest-tls-verify=false", f"oci:{layout.root}:one", f"docker://{name}:{tag}")

    inspected = json.loads(skopeo("inspect", "--tls-verify=false", f"docker://{name}:a"))
    listed = json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{name}"))

    assert inspected["Digest"] == layout.digest("one")
    assert len(inspected["Layers"]) == 2
    assert listed["Tags"] == ["a", "b"]


def test_a_deleted_image_is_gone(
    skopeo: Client, registry: RunningRegistry, repository: str, name: str, layout: ImageLayout
) -> None:
    skopeo("copy", PRESERVE, "--dest-tls-verify=false", f"oci:{layout.root}:one", f"docker://{name}:1")

    skopeo("delete", "--tls-verify=false", f"docker://{name}:1")

    assert registry.digest(repository, "1") is None
    assert "manifest unknown" in skopeo.refused("inspect", "--tls-verify=false", f"docker://{name}:1")
