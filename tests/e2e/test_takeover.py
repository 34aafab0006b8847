"""Other registries, filled by real clients, and taken over while both serve: compared digest by digest."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from oci_spec.digest import Digest
from tests.e2e.client import client
from tests.e2e.server import ANY_MANIFEST, REGISTRY, RunningRegistry
from tests.images import ImageLayout
from tests.registry_client.peers import distribution, distribution_on_s3, docker_registry
from tests.requirements import require_tool
from tests.s3 import S3Server

pytestmark = [pytest.mark.tool("skopeo"), pytest.mark.tool("oras"), pytest.mark.tool("busybox")]

KINDS = ("oci", "docker", "deep/artifact")


@dataclass(frozen=True, slots=True)
class Peer:
    """Another registry, and how the command line names its data."""

    address: str
    source: list[str | Path]
    environment: dict[str, str]


@pytest.fixture(
    params=[
        pytest.param("distribution", marks=pytest.mark.tool("distribution")),
        pytest.param("docker-registry", marks=pytest.mark.tool("docker-registry")),
        pytest.param("s3", marks=[pytest.mark.tool("distribution"), pytest.mark.tool("versitygw")]),
    ]
)
def peer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Peer]:
    home = tmp_path / "peer"
    home.mkdir()
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("versitygw")
        with distribution_on_s3(home, server, "taken/over") as port:
            keys = {"AWS_ACCESS_KEY_ID": server.access_key_id, "AWS_SECRET_ACCESS_KEY": server.secret_access_key}
            source: list[str | Path] = [f"s3://{server.bucket}/taken/over", "--endpoint", server.endpoint]
            yield Peer(f"127.0.0.1:{port}", source, keys)
        return
    run = {"distribution": distribution, "docker-registry": docker_registry}[request.param]
    with run(home) as port:
        yield Peer(f"127.0.0.1:{port}", [home / "data"], {})


def test_what_real_clients_pushed_is_pulled_from_here_byte_by_byte(
    peer: Peer, registry: RunningRegistry, repository: str, layout: ImageLayout, tmp_path: Path
) -> None:
    address = peer.address
    repositories = [f"{repository}/{kind}" for kind in KINDS]
    _fill([f"{address}/{name}" for name in repositories], layout, tmp_path)

    report = _import(registry, peer)

    assert report["not_taken"] == []
    assert sorted(repositories) == _ask(address, "/v2/_catalog")["repositories"]
    for name in repositories:
        tags = _ask(address, f"/v2/{name}/tags/list")["tags"]
        assert registry.tags(name) == sorted(tags)
        for tag in tags:
            _compare(address, registry, name, tag)
    skopeo = client(require_tool("skopeo"), "--insecure-policy", home=tmp_path / "home")
    source = f"docker://{registry.address}/{repository}/oci:many"
    skopeo("copy", "--all", "--src-tls-verify=false", source, f"oci:{tmp_path / 'pulled'}:many")
    assert ImageLayout.read(tmp_path / "pulled").digest("many") == layout.digest("many")
    assert _import(registry, peer)["copied"] == {"count": 0, "size": 0}


def _fill(names: list[str], layout: ImageLayout, tmp_path: Path) -> None:
    """Images of both families, an index, an artifact with something attached, and a tag that was moved."""
    skopeo = client(require_tool("skopeo"), "--insecure-policy", home=tmp_path / "home")
    oras = client(require_tool("oras"), home=tmp_path / "home")
    options = ["--all", "--dest-tls-verify=false"]
    oci, docker, artifact = names
    skopeo("copy", *options, "--preserve-digests", f"oci:{layout.root}:one", f"docker://{oci}:one")
    skopeo("copy", *options, "--preserve-digests", f"oci:{layout.root}:many", f"docker://{oci}:many")
    skopeo("copy", *options, "--format=v2s2", f"oci:{layout.root}:one", f"docker://{docker}:1")
    skopeo("copy", *options, "--format=v2s2", f"oci:{layout.root}:many", f"docker://{docker}:latest")
    skopeo("copy", *options, "--format=v2s2", f"oci:{layout.root}:one", f"docker://{docker}:latest")
    (oras.home / "document.txt").write_text("evidence\n")
    oras("push", "--plain-http", f"{artifact}:1", "--artifact-type", "application/vnd.example.report", "document.txt")
    oras("attach", "--plain-http", f"{artifact}:1", "--artifact-type", "application/vnd.example.note", "document.txt")


def _import(registry: RunningRegistry, peer: Peer) -> Any:
    """Take the data over while the registry serves."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    ended = subprocess.run(
        [REGISTRY, "import", "--distribution", *peer.source, "--json", "--data", registry.data],
        env={**inherited, **peer.environment},
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr.decode()
    return json.loads(ended.stdout)


def _compare(address: str, registry: RunningRegistry, repository: str, reference: str) -> None:
    """A manifest and all that it names is the same at both."""
    there = _read(address, f"/v2/{repository}/manifests/{reference}")
    here = registry.manifest(repository, reference)
    assert (here.status, here.body) == (200, there)
    document = json.loads(there)
    for child in document.get("manifests", ()):
        _compare(address, registry, repository, child["digest"])
    for blob in [*document.get("layers", ()), *filter(None, [document.get("config")])]:
        path = f"/v2/{repository}/blobs/{blob['digest']}"
        content = registry.ask(path).body
        assert content == _read(address, path)
        assert str(Digest.of(content)) == blob["digest"]
    if subject := document.get("subject"):
        found = {entry["digest"] for entry in registry.referrers(repository, subject["digest"])}
        assert str(Digest.of(there)) in found


def _ask(address: str, path: str) -> Any:
    return json.loads(_read(address, path))


def _read(address: str, path: str) -> bytes:
    with urlopen(Request(f"http://{address}{path}", headers={"Accept": ANY_MANIFEST})) as answer:
        content: bytes = answer.read()
    return content
