"""What `runner export` writes, held against what docker writes of a container of the same image."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.client import Client, client
from tests.e2e.daemons import running_dockerd
from tests.requirements import require_tool
from tests.runner.layers.archives import END, directory, extended, file, header, symlink
from tests.runner.layers.trees import Snapshot, snapshot

pytestmark = [pytest.mark.root, pytest.mark.tool("dockerd"), pytest.mark.tool("docker")]

RUNNER = Path(sys.executable).with_name("runner")

# Of a program that may open raw sockets. Docker, which changes the owner again, needs it at each of its names.
CAPABILITY = extended({b"SCHILY.xattr.security.capability": bytes.fromhex("0100000200200000000000000000000000000000")})
ROOTFS = (
    directory(b"./")
    + directory(b"bin")
    + CAPABILITY
    + file(b"bin/ping", b"#!", mode=0o4755)
    + CAPABILITY
    + header(b"bin/again", b"1", link=b"bin/ping", mode=0o4755)
    + symlink(b"sh", b"bin/ping")
    + directory(b"tmp", mode=0o1777)
    + header(b"tmp/theirs", uid=b"0001750\0", mode=0o600)
    + header(b"null", b"3", device=(1, 3), mode=0o666)
    + header(b"pipe", b"6", mode=0o600)
    + file(b"n" * 90 + b".txt", b"a long name")
    + extended({b"path": b"tmp/" + b"d" * 200})
    + file(b"cut", b"a longer one")
    + file("ümlaut".encode(), b"content")
    + directory(b"data")
    + file(b"data/beneath the volume", b"stays")
    + END
)
# What docker puts where it will mount something, and to tell programs that they are in a container.
DOCKERS = {b".dockerenv", b"dev", b"etc", b"proc", b"sys"}


@pytest.fixture(scope="module")
def dockerd() -> Iterator[Path]:
    with running_dockerd(require_tool("dockerd")) as listener:
        yield listener


@pytest.fixture
def docker(dockerd: Path, tmp_path: Path) -> Client:
    return client(require_tool("docker"), "--host", f"unix://{dockerd}", home=tmp_path / "docker")


@pytest.fixture
def runner(tmp_path: Path) -> Client:
    return client(RUNNER, "--root", tmp_path / "store", "--state", tmp_path / "state", home=tmp_path / "home")


def extracted(archive: Path) -> Snapshot:
    """What GNU tar makes of an archive, but for the root, of which docker's tells nothing."""
    place = archive.with_suffix("")
    place.mkdir()
    words = ["tar", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", str(archive), "-C", str(place)]
    subprocess.run(words, check=True, capture_output=True)
    found = snapshot(place)
    return {name: what for name, what in found.items() if name != b"." and name.split(b"/")[0] not in DOCKERS}


def test_an_exported_root_is_the_one_that_docker_exports(docker: Client, runner: Client, tmp_path: Path) -> None:
    image = tmp_path / "image.tar"
    image.write_bytes(ROOTFS)
    for program, name in ((docker, "theirs"), (runner, "ours")):
        program("import", image, "root:1")
        program("create", "--name", "box", "--volume", "/data", "root:1", "/sh")

        program("export", "--output", tmp_path / f"{name}.tar", "box")

        program("rm", "--volumes", "box")
    ours, theirs = extracted(tmp_path / "ours.tar"), extracted(tmp_path / "theirs.tar")
    assert ours == theirs
    assert b"data/beneath the volume" in ours


def test_docker_imports_what_was_exported(docker: Client, runner: Client, tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(ROOTFS)
    runner("import", tmp_path / "image.tar", "root:1")
    runner("create", "--name", "box", "root:1", "/sh")
    runner("export", "-o", tmp_path / "ours.tar", "box")

    docker("import", tmp_path / "ours.tar", "again:1")

    docker("create", "--name", "box", "again:1", "/sh")
    docker("export", "-o", tmp_path / "theirs.tar", "box")
    docker("rm", "box")
    docker("rmi", "again:1")
    assert extracted(tmp_path / "theirs.tar") == extracted(tmp_path / "ours.tar")
