"""Behind nginx, as docs/deployment.md says: real clients by a plain name, by a name with a port, and below a path."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.client import Client, client
from tests.e2e.conftest import GREETING
from tests.e2e.daemons import running_containerd, running_dockerd, short_directory
from tests.e2e.proxy import House, entries, registry_behind_nginx
from tests.images import ImageLayout, build_image, docker_archive, runnable_image
from tests.requirements import require_root, require_tool

pytestmark = [
    pytest.mark.root,
    pytest.mark.tool("nginx"),
    pytest.mark.tool("nsenter"),
    pytest.mark.tool("unshare"),
    pytest.mark.tool("ip"),
    pytest.mark.tool("openssl"),
]

# Where clients find a registry, and the port at which nginx finds it.
PLACES = pytest.mark.parametrize(
    ("place", "port"),
    [("registry.example.org", 5000), ("localhost:8443", 5000), ("images.example.org/images", 5001)],
    ids=["plain", "ported", "below-a-path"],
)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    require_root()
    with short_directory() as root, registry_behind_nginx(root) as made:
        yield made


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> ImageLayout:
    """An image with a layer that is larger than what nginx takes and keeps by default."""
    made = ImageLayout(tmp_path_factory.mktemp("image") / "layout")
    made.put_image("one", build_image({"large": os.urandom(4_000_000)}, {"small": b"content"}))
    return made


@PLACES
@pytest.mark.tool("crane")
def test_crane_pushes_lists_and_pulls(house: House, place: str, port: int, layout: ImageLayout, tmp_path: Path) -> None:
    crane = house.client("crane")

    for tag in ("1", "2", "3"):
        crane("push", layout.root, f"{place}/crane/app:{tag}")
    crane("copy", f"{place}/crane/app:1", f"{place}/crane/copied:1")
    crane("pull", "--format=oci", f"{place}/crane/copied:1", tmp_path / "pulled")

    assert ImageLayout.read(tmp_path / "pulled").digests() == [layout.digest("one")]
    # A page of one entry each, with a link to the next; crane holds that localhost speaks no TLS, and so refuses its.
    if not place.startswith("localhost"):
        assert crane("ls", f"{place}/crane/app").split() == ["1", "2", "3"]


@PLACES
@pytest.mark.tool("skopeo")
def test_skopeo_pushes_lists_and_pulls(
    house: House, place: str, port: int, layout: ImageLayout, tmp_path: Path
) -> None:
    skopeo = house.client("skopeo", "--insecure-policy")

    for tag in ("1", "2"):
        skopeo("copy", "--preserve-digests", f"oci:{layout.root}:one", f"docker://{place}/skopeo/app:{tag}")
    skopeo("copy", f"docker://{place}/skopeo/app:1", f"oci:{tmp_path / 'pulled'}:1")

    assert ImageLayout.read(tmp_path / "pulled").digest("1") == layout.digest("one")
    assert '"2"' in skopeo("list-tags", f"docker://{place}/skopeo/app")


@pytest.fixture(scope="module")
def docker(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    require_tool("dockerd")
    with running_dockerd(house.wrapper("dockerd")) as listener:
        home = tmp_path_factory.mktemp("docker")
        yield client(require_tool("docker"), "--host", f"unix://{listener}", home=home)


@PLACES
@pytest.mark.tool("docker")
@pytest.mark.tool("busybox")
def test_docker_pushes_and_pulls(docker: Client, place: str, port: int, tmp_path: Path) -> None:
    name = f"{place}/docker/app:1"
    docker("load", "--input", docker_archive(tmp_path / "image.tar", name, runnable_image(GREETING)))

    docker("push", name)
    docker("rmi", "--force", name)
    docker("pull", name)

    assert docker("run", "--rm", "--network=none", name) == GREETING
    docker("rmi", "--force", name)


@pytest.mark.tool("crane")
def test_a_host_is_shared_by_names_of_repositories(house: House, layout: ImageLayout, tmp_path: Path) -> None:
    crane = house.client("crane")

    crane("push", layout.root, "shared.example.org/images/team/app:1")

    assert crane("digest", "registry.example.org/images/team/app:1").strip() == layout.digest("one")
    assert "404" in crane.refused("push", layout.root, "shared.example.org/other/app:1")


@pytest.mark.tool("containerd")
@pytest.mark.tool("crane")
@pytest.mark.tool("ctr")
def test_containerd_can_be_told_the_path(house: House, layout: ImageLayout, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts" / "images.example.org"
    hosts.mkdir(parents=True)
    place = "https://images.example.org/images/v2"
    (hosts / "hosts.toml").write_text(
        f'server = "{place}"\n[host."{place}"]\ncapabilities = ["pull", "resolve", "push"]\noverride_path = true\n'
    )
    name = "images.example.org/containerd/app"
    with running_containerd(require_tool("containerd")) as listener:
        ctr = house.client("ctr", "--address", listener)
        ctr("images", "import", "--no-unpack", "--base-name", name, layout.archive(tmp_path / "image.tar"))
        ctr("images", "push", "--hosts-dir", hosts.parent, f"{name}:one")
        ctr("images", "remove", "--sync", f"{name}:one")

        ctr("content", "fetch", "--hosts-dir", hosts.parent, f"{name}:one")

    crane = house.client("crane")
    assert crane("digest", "images.example.org/images/containerd/app:one").strip() == layout.digest("one")


@PLACES
@pytest.mark.tool("curl")
def test_the_log_tells_of_the_client_and_of_what_it_asked(house: House, place: str, port: int) -> None:
    curl = house.client("curl", "--silent", "--fail", "--interface", "127.0.0.9")
    host, _, path = place.partition("/")
    spoofed = ("X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: ftp", "X-Forwarded-Host: evil.example",
               "Forwarded: for=6.6.6.6;host=evil.example")  # fmt: skip

    headers = [part for header in (*spoofed, f"X-Request-ID: by-{host}") for part in ("--header", header)]
    curl(*headers, f"https://{host}/{path}/v2/".replace("//v2", "/v2"))

    entry = entries(house, port, f"by-{host}")
    assert (entry["remote"], entry["scheme"], entry["host"]) == ("127.0.0.9", "https", host)


@pytest.mark.tool("curl")
def test_who_asks_the_registry_itself_is_believed_nothing(house: House) -> None:
    curl = house.client("curl", "--silent", "--fail", "--interface", "127.0.0.9")
    spoofed = ("X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example")

    headers = [part for header in (*spoofed, "X-Request-ID: direct") for part in ("--header", header)]
    curl(*headers, "http://127.0.0.1:5000/v2/")

    entry = entries(house, 5000, "direct")
    assert (entry["remote"], entry["scheme"], entry["host"]) == ("127.0.0.9", "http", "127.0.0.1:5000")


@pytest.mark.tool("curl")
@pytest.mark.tool("crane")
def test_two_proxies_one_after_the_other(house: House, layout: ImageLayout) -> None:
    house.client("crane")("push", layout.root, "edge.example.org/edge/app:1")
    curl = house.client("curl", "--silent", "--fail", "--interface", "127.0.0.9")
    headers = ["--header", "X-Forwarded-For: 6.6.6.6", "--header", "X-Request-ID: edge"]

    curl(*headers, "https://edge.example.org/v2/edge/app/tags/list")

    entry = entries(house, 5000, "edge")
    assert (entry["remote"], entry["scheme"], entry["host"]) == ("127.0.0.9", "https", "edge.example.org")


@PLACES
@pytest.mark.tool("curl")
def test_what_the_registry_names_leads_back_to_it(house: House, place: str, port: int) -> None:
    curl = house.client("curl", "--silent", "--fail", "--include", "--request", "POST", "--data", "")
    host, _, path = place.partition("/")

    answer = curl(f"https://{host}/v2/{path}/links/app/blobs/uploads/".replace("/v2//", "/v2/"))

    [location] = [line.partition(" ")[2] for line in answer.splitlines() if line.startswith("Location: ")]
    assert location.startswith(f"/{path}/v2/links/app/blobs/uploads/".replace("//", "/"))
    assert " 204" in house.client("curl", "--silent", "--fail", "--include")(f"https://{host}{location}")
