"""Clients against a registry whose bytes are in S3."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.e2e.client import client
from tests.e2e.daemons import running_dockerd
from tests.e2e.s3 import s3_environment
from tests.e2e.server import RunningRegistry, running_registry
from tests.images import Image, ImageLayout, build_image, docker_archive
from tests.requirements import require_tool
from tests.s3 import S3Server, running_versitygw

pytestmark = [pytest.mark.e2e, pytest.mark.tool("busybox")]


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with running_versitygw() as server:
        yield server


@pytest.fixture(scope="module")
def registry(server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """In place of the one on files."""
    environment = s3_environment(server, "e2e/")
    with running_registry(tmp_path_factory.mktemp("registry"), environment=environment) as running:
        yield running


@pytest.fixture
def image() -> Image:
    """One whose layers need one part and several, and that runs."""
    return build_image(
        {"bin/busybox": Path(require_tool("busybox")).read_bytes(), "small": b"small"},
        {"large": os.urandom(20 << 20)},
        command=["/bin/busybox", "echo", "out of a bucket"],
    )


@pytest.mark.tool("skopeo")
def test_an_image_comes_back_from_s3_as_it_was_pushed(
    registry: RunningRegistry, server: S3Server, repository: str, name: str, layout: ImageLayout, tmp_path: Path
) -> None:
    skopeo = client(require_tool("skopeo"), "--insecure-policy", home=tmp_path / "home")
    pushed = layout.digest("one")

    skopeo("copy", "--preserve-digests", "--dest-tls-verify=false", f"oci:{layout.root}:one", f"docker://{name}:1")
    skopeo("copy", "--src-tls-verify=false", f"docker://{name}:1", f"oci:{tmp_path / 'pulled'}:1")

    assert registry.digest(repository, "1") == pushed
    assert ImageLayout.read(tmp_path / "pulled").digest("1") == pushed
    assert server.pending("e2e/") == []
    assert server.names("e2e/uploads/") == []
    assert not list((registry.data).glob("storage/**/*"))


@pytest.mark.root
@pytest.mark.tool("dockerd")
@pytest.mark.tool("docker")
def test_docker_pushes_to_s3_pulls_and_runs(
    registry: RunningRegistry, server: S3Server, name: str, image: Image, tmp_path: Path
) -> None:
    with running_dockerd(require_tool("dockerd")) as listener:
        docker = client(require_tool("docker"), "--host", f"unix://{listener}", home=tmp_path / "home")
        docker("load", "--input", docker_archive(tmp_path / "image.tar", f"{name}:1", image))

        docker("push", f"{name}:1")
        docker("image", "rm", f"{name}:1")
        said = docker("run", "--rm", "--network=none", f"{name}:1")

    assert said.strip() == "out of a bucket"
    assert server.names("e2e/uploads/") == []


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        # Other servers answer one part at most.
        ("", {"": 307, "bytes=1-3": 307, "bytes=0-1,3-4": 206}),
        ("127.0.0.0/8,::1", {"": 200, "bytes=1-3": 206}),
    ],
    ids=["anybody", "proxied"],
)
def test_who_pulls_is_led_to_s3_unless_they_are_to_get_it_from_here(
    server: S3Server, tmp_path: Path, networks: str, expected: dict[str, int]
) -> None:
    # A storage of its own: one that belongs to another test's database would be refused.
    environment = s3_environment(server, f"redirects-{len(networks)}/") | {
        "REGISTRY_STORAGE__S3__REDIRECT": "on",
        "REGISTRY_STORAGE__S3__PROXIED_NETWORKS": networks,
    }
    blob = f"/v2/a/blobs/sha256:{hashlib.sha256(b'hello').hexdigest()}"
    with (
        running_registry(tmp_path, "--set", "server.workers=1", environment=environment) as registry,
        closing(HTTPConnection(registry.address)) as connection,
    ):
        asked(connection, "POST", f"/v2/a/blobs/uploads/?digest={blob.rpartition('/')[2]}", body=b"hello")
        answers = {part: asked(connection, "GET", blob, headers=_range(part)) for part in expected}
        head = asked(connection, "HEAD", blob)

    assert {part: answer.status for part, answer in answers.items()} == expected
    assert (head.status, head.headers["Content-Length"]) == (200, "5")
    for part in (part for part, status in expected.items() if status == 307):
        with urlopen(Request(answers[part].headers["Location"], headers=_range(part))) as got:
            assert got.read() == (b"ell" if part else b"hello")


def asked(connection: HTTPConnection, method: str, path: str, **request: Any) -> HTTPResponse:
    """The answer, read to its end, to one request; nobody follows where it leads."""
    connection.request(method, path, **request)
    answer = connection.getresponse()
    answer.read()
    return answer


def _range(part: str) -> dict[str, str]:
    return {"Range": part} if part else {}
