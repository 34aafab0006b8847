"""crane (go-containerregistry) against the running registry."""

import gzip
import json
from pathlib import Path

import pytest

from tests.e2e.client import Client, client
from tests.e2e.server import RunningRegistry
from tests.images import Image, ImageLayout, runnable_image
from tests.requirements import require_tool

pytestmark = [pytest.mark.tool("crane"), pytest.mark.tool("busybox")]


@pytest.fixture
def crane(tmp_path: Path) -> Client:
    return client(require_tool("crane"), home=tmp_path / "home")


@pytest.fixture
def single(tmp_path: Path, image: Image) -> ImageLayout:
    """A layout of one image only: crane pushes no other without being told which."""
    made = ImageLayout(tmp_path / "single")
    made.put_image("one", image)
    return made


def test_an_image_comes_back_as_it_was_pushed(
    crane: Client, registry: RunningRegistry, repository: str, name: str, single: ImageLayout, tmp_path: Path
) -> None:
    crane("push", single.root, f"{name}:1")
    crane("pull", "--format=oci", f"{name}:1", tmp_path / "pulled")

    crane("validate", "--remote", f"{name}:1")
    assert registry.digest(repository, "1") == single.digest("one")
    assert ImageLayout.read(tmp_path / "pulled").digests() == [single.digest("one")]


def test_a_copy_to_another_repository_keeps_the_digest(
    crane: Client, registry: RunningRegistry, repository: str, name: str, single: ImageLayout
) -> None:
    crane("push", single.root, f"{name}:1")

    crane("copy", f"{name}:1", f"{name}/copied:2")

    crane("validate", "--remote", f"{name}/copied:2")
    assert registry.digest(f"{repository}/copied", "2") == single.digest("one")


def test_an_index_is_made_of_pushed_images(
    crane: Client, registry: RunningRegistry, repository: str, name: str, tmp_path: Path
) -> None:
    for architecture in ("amd64", "arm64"):
        layout = ImageLayout(tmp_path / architecture)
        layout.put_image("one", runnable_image("hello", architecture=architecture))
        crane("push", layout.root, f"{name}:{architecture}")

    crane("index", "append", "-m", f"{name}:amd64", "-m", f"{name}:arm64", "-t", f"{name}:both")

    index = registry.manifest(repository, "both").document
    platforms = {entry["platform"]["architecture"]: entry["digest"] for entry in index["manifests"]}
    assert platforms == {name: registry.digest(repository, name) for name in ("amd64", "arm64")}
    crane("validate", "--remote", f"{name}:both")


def test_a_layer_of_unknown_size_is_streamed(crane: Client, name: str, single: ImageLayout, image: Image) -> None:
    crane("push", single.root, f"{name}:1")

    crane("append", "-b", f"{name}:1", "-t", f"{name}:2", "-f", "-", stdin=gzip.decompress(image.layers[1].content))

    crane("validate", "--remote", f"{name}:2")
    assert len(json.loads(crane("manifest", f"{name}:2"))["layers"]) == 3


def test_tags_are_set_listed_and_deleted_one_by_one(
    crane: Client, registry: RunningRegistry, repository: str, name: str, single: ImageLayout
) -> None:
    crane("push", single.root, f"{name}:a")
    crane("tag", f"{name}:a", "b")

    crane("delete", f"{name}:a")

    assert crane("ls", name).split() == ["b"]
    assert registry.digest(repository, "b") == single.digest("one")
    assert repository in crane("catalog", registry.address).split()


def test_deleting_a_digest_takes_its_tags_along(
    crane: Client, registry: RunningRegistry, repository: str, name: str, single: ImageLayout
) -> None:
    crane("push", single.root, f"{name}:a")
    crane("tag", f"{name}:a", "b")

    crane("delete", f"{name}@{single.digest('one')}")

    assert registry.tags(repository) == []
    assert "MANIFEST_UNKNOWN" in crane.refused("manifest", f"{name}:b")
