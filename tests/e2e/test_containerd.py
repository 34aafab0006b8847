"""containerd, through its own client `ctr`, against the running registry."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.client import Client, client
from tests.e2e.daemons import running_containerd
from tests.e2e.server import REGISTRY, RunningRegistry
from tests.images import ImageLayout
from tests.requirements import require_root, require_tool

pytestmark = [
    pytest.mark.root,
    pytest.mark.tool("containerd"),
    pytest.mark.tool("ctr"),
    pytest.mark.tool("busybox"),
]


@pytest.fixture(scope="module")
def containerd() -> Iterator[Path]:
    """The socket of a containerd of the tests' own."""
    require_root()
    with running_containerd(require_tool("containerd")) as listener:
        yield listener


@pytest.fixture
def ctr(containerd: Path, repository: str, tmp_path: Path) -> Client:
    # A namespace for each test: what one has pulled must not save another the download.
    namespace = repository.replace("/", "-")[:70].rstrip("-")
    return client(require_tool("ctr"), "--address", containerd, "--namespace", namespace, home=tmp_path / "home")


@pytest.fixture
def imported(ctr: Client, name: str, layout: ImageLayout, tmp_path: Path) -> str:
    """The layout's image and index, in containerd's store as NAME:one and NAME:many; NAME."""
    archive = layout.archive(tmp_path / "layout.tar")
    ctr("images", "import", "--no-unpack", "--all-platforms", "--base-name", name, archive)
    return name


def test_an_image_is_pushed_and_pulled(
    ctr: Client, registry: RunningRegistry, repository: str, imported: str, layout: ImageLayout
) -> None:
    ctr("images", "push", "--plain-http", f"{imported}:one")
    _forget(ctr, imported)

    ctr("images", "pull", "--plain-http", "--snapshotter=native", f"{imported}:one")

    assert registry.digest(repository, "one") == layout.digest("one")
    assert _digests(ctr) == {f"{imported}:one": layout.digest("one")}


def test_an_index_is_pushed_and_pulled_with_all_its_platforms(
    ctr: Client, registry: RunningRegistry, repository: str, imported: str, layout: ImageLayout
) -> None:
    ctr("images", "push", "--plain-http", f"{imported}:many")
    _forget(ctr, imported)

    ctr("content", "fetch", "--plain-http", "--all-platforms", f"{imported}:many")

    assert registry.digest(repository, "many") == layout.digest("many")
    assert _digests(ctr) == {f"{imported}:many": layout.digest("many")}


def test_an_image_is_pulled_by_digest(ctr: Client, imported: str, layout: ImageLayout) -> None:
    ctr("images", "push", "--plain-http", f"{imported}:one")
    _forget(ctr, imported)
    pinned = f"{imported}@{layout.digest('one')}"

    ctr("images", "pull", "--plain-http", "--snapshotter=native", pinned)

    assert _digests(ctr) == {pinned: layout.digest("one")}


def test_what_is_not_there_is_named(ctr: Client, name: str) -> None:
    assert "not found" in ctr.refused("images", "pull", "--plain-http", f"{name}:none")


def test_what_containerd_exports_is_imported_and_back(
    ctr: Client, registry: RunningRegistry, repository: str, imported: str, layout: ImageLayout, tmp_path: Path
) -> None:
    command = client(REGISTRY, home=tmp_path / "registry", environment={"REGISTRY_SERVER__DATA": str(registry.data)})

    # What current Dockers save is written by the same code.
    ctr("images", "export", "--all-platforms", tmp_path / "its.tar", f"{imported}:one", f"{imported}:many")
    command("import", tmp_path / "its.tar", repository)
    _forget(ctr, imported)
    command("export", repository, tmp_path / "ours.tar")
    ctr("images", "import", "--no-unpack", "--all-platforms", "--base-name", imported, tmp_path / "ours.tar")

    assert registry.digest(repository, "many") == layout.digest("many")
    assert _digests(ctr) == {f"{imported}:{tag}": layout.digest(tag) for tag in ("one", "many")}


def _forget(ctr: Client, name: str) -> None:
    ctr("images", "remove", "--sync", f"{name}:one", f"{name}:many")
    assert ctr("content", "list", "--quiet") == ""


def _digests(ctr: Client) -> dict[str, str]:
    rows = [line.split() for line in ctr("images", "list").splitlines()[1:]]
    return {row[0]: row[2] for row in rows}
