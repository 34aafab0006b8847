"""dockerd against the running registry."""

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.client import Client, client
from tests.e2e.conftest import GREETING
from tests.e2e.daemons import running_dockerd
from tests.e2e.server import REGISTRY, RunningRegistry
from tests.images import Image, ImageLayout, docker_archive, runnable_image
from tests.requirements import require_root, require_tool

pytestmark = [
    pytest.mark.root,
    pytest.mark.tool("dockerd"),
    pytest.mark.tool("docker"),
    pytest.mark.tool("busybox"),
]


@pytest.fixture(scope="module")
def dockerd() -> Iterator[Path]:
    """The socket of a Docker daemon of the tests' own."""
    require_root()
    with running_dockerd(require_tool("dockerd")) as listener:
        yield listener


@pytest.fixture
def docker(dockerd: Path, tmp_path: Path) -> Client:
    return client(require_tool("docker"), "--host", f"unix://{dockerd}", home=tmp_path / "home")


@pytest.fixture
def loaded(docker: Client, name: str, image: Image, tmp_path: Path) -> str:
    """`image`, loaded into the daemon as the test's repository with the tag 1."""
    docker("load", "--input", docker_archive(tmp_path / "image.tar", f"{name}:1", image))
    return f"{name}:1"


def test_an_image_is_pushed_pulled_and_run(
    docker: Client, registry: RunningRegistry, repository: str, name: str, loaded: str
) -> None:
    pushed = _pushed_digest(docker("push", loaded))
    docker("rmi", "--force", loaded)

    pulled = _pulled_digest(docker("pull", loaded))

    assert registry.digest(repository, "1") == pushed
    assert pulled == pushed
    assert f"{name}@{pushed}" in docker("inspect", "--format", "{{.RepoDigests}}", loaded)
    assert docker("run", "--rm", "--network=none", loaded) == GREETING


def test_an_image_is_pulled_by_digest(docker: Client, name: str, loaded: str) -> None:
    pushed = _pushed_digest(docker("push", loaded))
    docker("rmi", "--force", loaded)

    docker("pull", f"{name}@{pushed}")

    assert docker("run", "--rm", "--network=none", f"{name}@{pushed}") == GREETING


def test_layers_are_mounted_from_a_repository_that_has_them(docker: Client, name: str, loaded: str) -> None:
    docker("push", loaded)
    docker("tag", loaded, f"{name}/copied:1")

    said = docker("push", f"{name}/copied:1")

    assert "Mounted from" in said
    assert _pushed_digest(said) == _pushed_digest(docker("push", loaded))


def test_all_tags_are_pulled_at_once(docker: Client, name: str, loaded: str) -> None:
    docker("tag", loaded, f"{name}:2")
    docker("push", "--all-tags", name)
    docker("rmi", "--force", f"{name}:1", f"{name}:2")

    docker("pull", "--all-tags", name)

    assert set(docker("images", "--format", "{{.Tag}}", name).split()) == {"1", "2"}


def test_an_image_is_built_on_a_pulled_base(docker: Client, name: str, loaded: str, tmp_path: Path) -> None:
    docker("push", loaded)
    docker("rmi", "--force", loaded)
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(f'FROM {loaded}\nCOPY more.txt /\nCMD ["/bin/busybox", "cat", "/more.txt"]\n')
    (context / "more.txt").write_text("more\n")
    classic = client(
        Path(docker.command[0]), *docker.command[1:], home=docker.home, environment={"DOCKER_BUILDKIT": "0"}
    )

    classic("build", "--network=none", "--tag", f"{name}:built", context)
    said = docker("push", f"{name}:built")
    docker("rmi", "--force", f"{name}:built")

    assert "Layer already exists" in said
    assert docker("run", "--rm", "--network=none", f"{name}:built") == "more\n"


def test_a_manifest_list_is_made_pushed_and_pulled(
    docker: Client, registry: RunningRegistry, repository: str, name: str, tmp_path: Path
) -> None:
    for architecture in ("amd64", "arm64"):
        made = runnable_image(GREETING, architecture=architecture)
        docker("load", "--input", docker_archive(tmp_path / "image.tar", f"{name}:{architecture}", made))
        docker("push", f"{name}:{architecture}")

    docker("manifest", "create", "--insecure", f"{name}:both", f"{name}:amd64", f"{name}:arm64")
    pushed = docker("manifest", "push", "--insecure", f"{name}:both").strip()
    docker("rmi", "--force", f"{name}:amd64", f"{name}:arm64")

    answer = registry.manifest(repository, "both")
    assert answer.headers["Content-Type"] == "application/vnd.docker.distribution.manifest.list.v2+json"
    assert answer.headers["Docker-Content-Digest"] == pushed
    assert _pulled_digest(docker("pull", f"{name}:both")) == pushed
    assert docker("run", "--rm", "--network=none", f"{name}:both") == GREETING


@pytest.mark.tool("skopeo")
def test_an_index_that_another_client_pushed_is_pulled_and_run(
    docker: Client, name: str, layout: ImageLayout, tmp_path: Path
) -> None:
    skopeo = client(require_tool("skopeo"), "--insecure-policy", home=tmp_path / "skopeo")
    skopeo(
        "copy",
        "--all",
        "--preserve-digests",
        "--dest-tls-verify=false",
        f"oci:{layout.root}:many",
        f"docker://{name}:1",
    )

    pulled = _pulled_digest(docker("pull", f"{name}:1"))

    assert pulled == layout.digest("many")
    assert docker("run", "--rm", "--network=none", f"{name}:1") == GREETING


def test_what_is_not_there_is_named(docker: Client, name: str) -> None:
    said = docker.refused("pull", f"{name}:none")

    assert "manifest unknown" in said or "not found" in said


def test_repositories_are_searched(
    docker: Client, registry: RunningRegistry, repository: str, name: str, loaded: str
) -> None:
    docker("push", loaded)

    found = docker("search", "--format", "{{.Name}}", name)

    assert found.splitlines() == [repository]
    assert docker("search", "--format", "{{.Name}}", f"{registry.address}/nothing-of-that") == ""


def _pushed_digest(said: str) -> str:
    return _only(re.findall(r"digest: (sha256:[0-9a-f]{64}) size: ", said))


def _pulled_digest(said: str) -> str:
    return _only(re.findall(r"Digest: (sha256:[0-9a-f]{64})", said))


def _only(digests: list[str]) -> str:
    [digest] = digests
    return digest


@pytest.mark.tool("skopeo")
def test_what_docker_saves_is_imported(
    docker: Client, registry: RunningRegistry, repository: str, name: str, loaded: str, tmp_path: Path
) -> None:
    command = client(REGISTRY, home=tmp_path / "registry", environment={"REGISTRY_SERVER__DATA": str(registry.data)})
    skopeo = client(require_tool("skopeo"), "--insecure-policy", home=tmp_path / "home")
    saved = tmp_path / "saved.tar"

    docker("save", "--output", saved, loaded)
    docker("rmi", "--force", loaded)
    # Dockers before 25 save no image layout; whoever tries it is told what to do.
    if "oci-layout" not in _members(saved):
        assert "skopeo copy docker-archive:" in command.refused("import", saved, f"{repository}/saved:1")
        skopeo("copy", f"docker-archive:{saved}", f"oci-archive:{tmp_path / 'converted.tar'}")
        saved = tmp_path / "converted.tar"
    command("import", "-", f"{repository}/saved:1", stdin=saved.read_bytes())
    docker("pull", f"{name}/saved:1")

    assert docker("run", "--rm", "--network=none", f"{name}/saved:1") == GREETING


def _members(archive: Path) -> list[str]:
    with tarfile.open(archive) as opened:
        return opened.getnames()
