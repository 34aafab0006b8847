"""regctl (regclient) against the running registry: chunked uploads, sha512 and the tag deletion of the API."""

import json
from pathlib import Path

import pytest

from tests.e2e.client import Client, client
from tests.e2e.server import RunningRegistry
from tests.images import ImageLayout
from tests.requirements import require_tool

pytestmark = [pytest.mark.tool("regctl"), pytest.mark.tool("busybox")]


@pytest.fixture
def regctl(registry: RunningRegistry, tmp_path: Path) -> Client:
    configured = client(require_tool("regctl"), home=tmp_path / "home")
    # A blob above 128 KiB goes in chunks of 64 KiB, so that busybox's layer takes the chunked road.
    chunks = ["--blob-max", str(128 * 1024), "--blob-chunk", str(64 * 1024)]
    configured("registry", "set", "--tls", "disabled", *chunks, registry.address)
    return configured


def test_an_image_sent_in_chunks_comes_back_as_it_was_pushed(
    regctl: Client, registry: RunningRegistry, repository: str, name: str, layout: ImageLayout, tmp_path: Path
) -> None:
    regctl("image", "copy", f"ocidir://{layout.root}:one", f"{name}:1")
    regctl("image", "copy", f"{name}:1", f"ocidir://{tmp_path / 'pulled'}:1")

    assert registry.digest(repository, "1") == layout.digest("one")
    assert ImageLayout.read(tmp_path / "pulled").digest("1") == layout.digest("one")


def test_an_index_is_copied_to_another_repository(
    regctl: Client, registry: RunningRegistry, repository: str, name: str, layout: ImageLayout
) -> None:
    regctl("image", "copy", f"ocidir://{layout.root}:many", f"{name}:1")

    regctl("image", "copy", f"{name}:1", f"{name}/copied:2")

    assert registry.digest(f"{repository}/copied", "2") == layout.digest("many")


def test_an_image_of_sha512_digests_is_pushed_copied_and_pulled(
    regctl: Client, registry: RunningRegistry, repository: str, name: str, layout: ImageLayout, tmp_path: Path
) -> None:
    regctl("image", "copy", f"ocidir://{layout.root}:one", f"{name}:1")

    regctl("image", "mod", f"{name}:1", "--digest-algo", "sha512", "--create", f"{name}:long")
    long = regctl("manifest", "head", f"{name}:long").strip()
    regctl("image", "copy", f"{name}@{long}", f"ocidir://{tmp_path / 'pulled'}@{long}")

    assert long.startswith("sha512:")
    manifest = registry.manifest(repository, long)
    assert manifest.headers["Docker-Content-Digest"] == long
    assert all(layer["digest"].startswith("sha512:") for layer in manifest.document["layers"])


def test_referrers_are_put_listed_and_copied(
    regctl: Client, registry: RunningRegistry, repository: str, name: str, layout: ImageLayout
) -> None:
    regctl("image", "copy", f"ocidir://{layout.root}:one", f"{name}:1")

    artifact = ["artifact", "put", "--artifact-type", "application/vnd.example.report", "--subject", f"{name}:1"]
    regctl(*artifact, "--annotation", "org.example=yes", stdin=b"fine")
    regctl("image", "copy", "--referrers", f"{name}:1", f"{name}/copied:1")

    listed = json.loads(regctl("artifact", "list", f"{name}/copied:1", "--format", "{{jsonPretty .}}"))
    assert [entry["artifactType"] for entry in listed["descriptors"]] == ["application/vnd.example.report"]
    [referrer] = registry.referrers(repository, layout.digest("one"))
    assert referrer["annotations"] == {"org.example": "yes"}
    assert registry.referrers(f"{repository}/copied", layout.digest("one")) == [referrer]


def test_deleting_a_tag_leaves_the_image_and_its_other_tags(
    regctl: Client, registry: RunningRegistry, repository: str, name: str, layout: ImageLayout
) -> None:
    for tag in ("b", "a"):
        regctl("image", "copy", f"ocidir://{layout.root}:one", f"{name}:{tag}")

    regctl("tag", "delete", f"{name}:b")

    assert regctl("tag", "ls", name).split() == ["a"]
    assert registry.digest(repository, "a") == layout.digest("one")
    assert repository in regctl("repo", "ls", registry.address).split()


def test_a_deleted_manifest_is_gone_with_its_tags(
    regctl: Client, registry: RunningRegistry, repository: str, name: str, layout: ImageLayout
) -> None:
    regctl("image", "copy", f"ocidir://{layout.root}:one", f"{name}:1")

    regctl("manifest", "delete", f"{name}@{layout.digest('one')}")

    assert registry.tags(repository) == []
    assert "not found" in regctl.refused("manifest", "head", f"{name}:1")
