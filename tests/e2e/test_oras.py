"""oras against the running registry: artifacts, their referrers, and copies that follow them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.client import Client, client
from tests.e2e.server import RunningRegistry
from tests.images import ImageLayout
from tests.requirements import require_tool

pytestmark = pytest.mark.tool("oras")

REPORT = "application/vnd.example.report"
SIGNATURE = "application/vnd.example.signature"


@pytest.fixture
def oras(tmp_path: Path) -> Client:
    return client(require_tool("oras"), home=tmp_path / "home")


@pytest.fixture
def document(oras: Client) -> Path:
    path = oras.home / "document.txt"
    path.write_text("evidence\n")
    return path


def test_an_artifact_comes_back_as_it_was_pushed(
    oras: Client, registry: RunningRegistry, repository: str, name: str, document: Path, tmp_path: Path
) -> None:
    pushed = json.loads(_push(oras, name, document))

    oras("pull", "--plain-http", f"{name}:1", "--output", tmp_path / "pulled")

    assert registry.digest(repository, "1") == pushed["digest"]
    assert registry.manifest(repository, "1").document["artifactType"] == REPORT
    assert (tmp_path / "pulled" / "document.txt").read_text() == "evidence\n"


def test_an_attached_artifact_is_discovered_by_its_type(
    oras: Client, registry: RunningRegistry, repository: str, name: str, document: Path
) -> None:
    subject = json.loads(_push(oras, name, document))["digest"]
    _attach(oras, name, document, SIGNATURE)
    _attach(oras, name, document, REPORT)

    everything = _discover(oras, name)
    signatures = _discover(oras, name, "--artifact-type", SIGNATURE)

    assert {entry["artifactType"] for entry in everything} == {SIGNATURE, REPORT}
    assert [entry["artifactType"] for entry in signatures] == [SIGNATURE]
    assert {entry["digest"] for entry in registry.referrers(repository, subject)} == {
        entry["digest"] for entry in everything
    }


def test_a_recursive_copy_brings_the_referrers_along(
    oras: Client, registry: RunningRegistry, repository: str, name: str, document: Path
) -> None:
    subject = json.loads(_push(oras, name, document))["digest"]
    _attach(oras, name, document, SIGNATURE)

    oras("cp", "--recursive", "--from-plain-http", "--to-plain-http", f"{name}:1", f"{name}/copied:2")

    assert registry.digest(f"{repository}/copied", "2") == subject
    assert registry.referrers(f"{repository}/copied", subject) == registry.referrers(repository, subject)


@pytest.mark.tool("busybox")
def test_an_index_is_copied_from_a_layout_and_back(
    oras: Client, registry: RunningRegistry, repository: str, name: str, layout: ImageLayout, tmp_path: Path
) -> None:
    oras("cp", "--from-oci-layout", f"{layout.root}:many", "--to-plain-http", f"{name}:1")
    oras("cp", "--from-plain-http", f"{name}:1", "--to-oci-layout", f"{tmp_path / 'pulled'}:1")

    assert registry.digest(repository, "1") == layout.digest("many")
    assert ImageLayout.read(tmp_path / "pulled").digest("1") == layout.digest("many")


def test_blobs_are_pushed_fetched_and_deleted(oras: Client, name: str, document: Path) -> None:
    pushed = json.loads(oras("blob", "push", "--plain-http", "--descriptor", name, document))
    blob = f"{name}@{pushed['digest']}"

    fetched = oras("blob", "fetch", "--plain-http", "--output", "-", blob)
    oras("blob", "delete", "--plain-http", "--force", blob)

    assert fetched == "evidence\n"
    assert "not found" in oras.refused("blob", "fetch", "--plain-http", "--output", "-", blob)


def test_a_deleted_referrer_is_no_longer_listed(
    oras: Client, registry: RunningRegistry, repository: str, name: str, document: Path
) -> None:
    subject = json.loads(_push(oras, name, document))["digest"]
    _attach(oras, name, document, SIGNATURE)
    [referrer] = registry.referrers(repository, subject)

    oras("manifest", "delete", "--plain-http", "--force", f"{name}@{referrer['digest']}")

    assert registry.referrers(repository, subject) == []
    assert oras("repo", "tags", "--plain-http", name).split() == ["1"]


def _push(oras: Client, name: str, document: Path) -> str:
    file = f"{document.name}:text/plain"
    return oras(
        "push",
        "--plain-http",
        "--format=json",
        "--artifact-type",
        REPORT,
        f"{name}:1",
        file,
    )


def _attach(oras: Client, name: str, document: Path, artifact_type: str) -> None:
    file = f"{document.name}:text/plain"
    oras("attach", "--plain-http", "--artifact-type", artifact_type, f"{name}:1", file)


def _discover(oras: Client, name: str, *options: str) -> list[dict[str, Any]]:
    found = json.loads(oras("discover", "--plain-http", "--format=json", "--depth=1", *options, f"{name}:1"))
    referrers: list[dict[str, Any]] = found["referrers"]
    return referrers
