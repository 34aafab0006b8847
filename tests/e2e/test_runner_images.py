"""What `runner pull` makes of an image, held against what docker makes of the same."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oci_spec.image_name import ImageName
from tests.e2e.client import Client, client, podman_in
from tests.e2e.daemons import running_dockerd
from tests.e2e.server import RunningRegistry
from tests.images import ImageLayout
from tests.requirements import require_tool
from tests.runner.images.making import connect, endpoint_of, make
from tests.runner.layers.archives import END, directory, file, header, symlink
from tests.runner.layers.trees import Snapshot, snapshot

pytestmark = [pytest.mark.root, pytest.mark.tool("dockerd"), pytest.mark.tool("docker")]

RUNNER = Path(sys.executable).with_name("runner")

LOWEST = (
    directory(b"./", mode=0o755)
    + directory(b"bin", mode=0o755)
    + file(b"bin/su", b"#!", mode=0o4755)
    + header(b"bin/again", b"1", link=b"bin/su", mode=0o4755)
    + symlink(b"sh", b"bin/su")
    + directory(b"old", mode=0o700)
    + file(b"old/a")
    + file(b"gone")
    + header(b"null", b"3", device=(1, 3), mode=0o666)
    + header(b"pipe", b"6", mode=0o600)
    + file("ümlaut".encode())
    + END
)
MIDDLE = file(b".wh.gone") + directory(b"old", mode=0o755) + file(b"old/.wh..wh..opq") + file(b"old/b", b"new") + END
HIGHEST = (
    directory(b"bin", mode=0o711) + file(b"bin/.wh.again") + directory(b"gone") + file(b"gone/now a directory") + END
)


@pytest.fixture(scope="module")
def dockerd() -> Iterator[Path]:
    with running_dockerd(require_tool("dockerd")) as listener:
        yield listener


@pytest.fixture
def docker(dockerd: Path, tmp_path: Path) -> Iterator[Client]:
    """Docker, with no image at all."""
    docker = client(require_tool("docker"), "--host", f"unix://{dockerd}", home=tmp_path / "docker")
    yield docker
    docker("image", "prune", "--all", "--force")


@pytest.fixture
def runner(tmp_path: Path) -> Client:
    return client(RUNNER, "--root", tmp_path / "store", "--state", tmp_path / "state", home=tmp_path / "home")


async def pushed(name: str) -> None:
    """An image of three layers with all that a layer can do, under the name."""
    parsed = ImageName.parse(name)
    async with connect(endpoint_of(parsed)) as registry:
        await make(LOWEST, MIDDLE, HIGHEST).push(registry.repository(parsed.repository), "1")


def described(program: Client, name: str) -> Any:
    [document] = json.loads(program("inspect", name))
    return document


def tree(layer: Path) -> Snapshot:
    """All in a layer, but for times that no archive tells: the root's, which docker leaves, and those of whiteouts."""
    found = snapshot(layer)
    return {
        place: what if what[0] != "c---------" else (*what[:2], None, *what[3:])
        for place, what in found.items()
        if place != b"."
    }


def directories(document: Any) -> list[Path]:
    """The layers' directories, the lowest first."""
    data = document["GraphDriver"]["Data"]
    return [Path(text) for text in (data["UpperDir"], *filter(None, data.get("LowerDir", "").split(":")))][::-1]


async def test_layers_and_identity_are_those_that_docker_has(name: str, docker: Client, runner: Client) -> None:
    await pushed(f"{name}:1")

    docker("pull", f"{name}:1")
    said = runner("pull", f"{name}:1")

    theirs, ours = described(docker, f"{name}:1"), described(runner, f"{name}:1")
    assert said == f"{name}:1\n"
    for field in ("Id", "RepoTags", "RepoDigests", "Created", "Os", "Architecture", "RootFS", "Size"):
        assert ours[field] == theirs[field]
    for field in ("Cmd", "Env", "Labels", "Entrypoint", "WorkingDir", "User"):
        assert ours["Config"][field] == theirs["Config"][field]
    for our_layer, their_layer in zip(directories(ours), directories(theirs), strict=True):
        assert tree(our_layer) == tree(their_layer)


async def test_the_list_of_images_is_the_one_that_docker_shows(name: str, docker: Client, runner: Client) -> None:
    await pushed(f"{name}:1")
    for program in (docker, runner):
        program("pull", "--quiet", f"{name}:1")
        program("tag", f"{name}:1", "local")

    for flags in (
        ("--no-trunc", "--digests"),
        ("--filter", "label=purpose=test"),
        ("--filter", "reference=*/e2e/*/*", "--format", "{{.Repository}}:{{.Tag}} {{.ID}} {{.Size}}"),
        ("--quiet", "--no-trunc"),
        ("--format", "table {{.ID}}\\t{{.Repository}}"),
        ("--filter", "dangling=true"),
    ):
        ours = runner("images", *flags).splitlines()
        theirs = docker("images", *flags).splitlines()
        assert sorted(line.split() for line in ours) == sorted(line.split() for line in theirs)


async def test_removal_says_what_docker_says(name: str, docker: Client, runner: Client) -> None:
    await pushed(f"{name}:1")
    said = []
    for program in (docker, runner):
        program("pull", "--quiet", f"{name}:1")
        program("tag", f"{name}:1", "local:x")
        said.append((program("rmi", "local:x"), sorted(program("rmi", f"{name}:1").splitlines())))

    assert said[0] == said[1]
    assert "No such image" in runner.refused("rmi", "local:x")


def test_an_image_index_is_pulled_for_this_machine(
    registry: RunningRegistry, name: str, layout: ImageLayout, docker: Client, runner: Client
) -> None:
    skopeo = require_tool("skopeo")
    copy = client(skopeo, "copy", "--all", "--dest-tls-verify=false", home=layout.root.parent / "skopeo")
    copy(f"oci:{layout.root}:many", f"docker://{name}:many")

    for program in (docker, runner):
        program("pull", f"{name}:many")
    other = runner("pull", "--quiet", "--platform", "linux/arm64", f"{name}:many")

    assert other == f"{name}:many\n"
    assert described(runner, f"{name}:many")["Architecture"] == "arm64"
    assert described(docker, f"{name}:many")["RepoDigests"] == described(runner, f"{name}:many")["RepoDigests"]
    assert "no matching manifest for linux/s390x" in runner.refused("pull", "--platform", "linux/s390x", f"{name}:many")
    assert registry.digest(name.partition("/")[2], "many") in described(runner, f"{name}:many")["RepoDigests"][0]


async def test_an_image_goes_from_docker_by_the_runner_to_docker_again(
    registry: RunningRegistry, name: str, docker: Client, runner: Client
) -> None:
    await pushed(f"{name}/from:1")
    runner("pull", f"{name}/from:1")
    runner("tag", f"{name}/from:1", f"{name}/to:2")

    runner("push", f"{name}/to:2")

    docker("pull", f"{name}/to:2")
    path = name.partition("/")[2]
    assert registry.digest(f"{path}/to", "2") == registry.digest(f"{path}/from", "1")
    assert described(docker, f"{name}/to:2")["Id"] == described(runner, f"{name}/to:2")["Id"]
    assert len(described(runner, f"{name}/to:2")["RepoDigests"]) == 2


@pytest.mark.tool("podman")
async def test_archives_are_exchanged_with_docker_and_podman(
    name: str, docker: Client, runner: Client, short_path: Path, tmp_path: Path
) -> None:
    podman = podman_in(short_path)
    await pushed(f"{name}:1")
    runner("pull", f"{name}:1")
    image_id = described(runner, f"{name}:1")["Id"]

    runner("save", "--output", tmp_path / "ours.tar", f"{name}:1")
    assert f"Loaded image: {name}:1" in docker("load", "--input", tmp_path / "ours.tar")
    podman("load", "--input", tmp_path / "ours.tar")
    docker("save", "--output", tmp_path / "dockers.tar", f"{name}:1")
    podman("save", "--format", "oci-archive", "--output", tmp_path / "podmans.tar", f"{name}:1")

    assert described(docker, f"{name}:1")["Id"] == image_id
    assert f"sha256:{described(podman, f'{name}:1')['Id']}" == image_id
    layers = [tree(layer) for layer in directories(described(runner, f"{name}:1"))]
    for archive in ("ours.tar", "dockers.tar", "podmans.tar"):
        runner("rmi", "--force", f"{name}:1")
        assert runner("load", "--input", tmp_path / archive) == f"Loaded image: {name}:1\n"
        assert described(runner, f"{name}:1")["Id"] == image_id
        assert [tree(layer) for layer in directories(described(runner, f"{name}:1"))] == layers


async def test_the_history_is_the_one_that_docker_shows(name: str, docker: Client, runner: Client) -> None:
    await pushed(f"{name}:1")
    for program in (docker, runner):
        program("pull", "--quiet", f"{name}:1")

    for flags in ((), ("--no-trunc",), ("--quiet",), ("--human=false",), ("--format", "{{.CreatedBy}} {{.Size}}")):
        ours, theirs = runner("history", *flags, f"{name}:1"), docker("history", *flags, f"{name}:1")
        assert [line.split() for line in ours.splitlines()] == [line.split() for line in theirs.splitlines()]


def test_a_root_file_system_becomes_the_image_that_docker_makes_of_it(
    docker: Client, runner: Client, tmp_path: Path
) -> None:
    archive = tmp_path / "root.tar"
    archive.write_bytes(LOWEST)
    changes = ["--change", 'CMD ["/bin/su"]', "--change", "ENV A=1 B=2", "--change", "EXPOSE 80", "--change", "USER 7"]
    flags = [*changes, "--change", "WORKDIR /old", "--message", "made by a test"]

    for program in (docker, runner):
        program("import", *flags, archive, "base:1")

    theirs, ours = described(docker, "base:1"), described(runner, "base:1")
    for field in ("RepoTags", "Comment", "Os", "Architecture", "RootFS", "Size"):
        assert ours[field] == theirs[field]
    for field in ("Cmd", "Env", "ExposedPorts", "User", "WorkingDir"):
        assert ours["Config"][field] == theirs["Config"][field]
    directory = tmp_path / "root"
    (directory / "etc").mkdir(parents=True)
    (directory / "etc/hostname").write_text("made")
    runner("import", directory, "base:2")
    [layer] = directories(described(runner, "base:2"))
    assert (layer / "etc/hostname").read_text() == "made"
