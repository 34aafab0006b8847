"""What the end-to-end tests share: one running registry, a repository of its own for each test, images to push."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.daemons import short_directory
from tests.e2e.server import RunningRegistry, running_registry
from tests.images import Image, ImageLayout, runnable_image
from tests.requirements import require_tool

GREETING = "hello from a layer\n"
ARCHITECTURES = ("amd64", "arm64")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark every test of this folder as `e2e`."""
    item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A server for all tests of this process; it must stop cleanly when they have run."""
    with running_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def repository(request: pytest.FixtureRequest) -> str:
    """A repository name that no other test uses."""
    module = request.path.stem.removeprefix("test_")
    return f"e2e/{module}/{re.sub('[^a-z0-9]+', '-', request.node.name.lower()).strip('-')}"


@pytest.fixture
def name(registry: RunningRegistry, repository: str) -> str:
    """The test's repository as clients name it, with the server's address."""
    return f"{registry.address}/{repository}"


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A temporary directory with a short path, for programs that bind sockets below their storage."""
    with short_directory() as directory:
        yield directory


@pytest.fixture
def image() -> Image:
    """An image of two layers that prints GREETING."""
    require_tool("busybox")
    return runnable_image(GREETING)


@pytest.fixture
def layout(tmp_path: Path, image: Image) -> ImageLayout:
    """`image` under the tag `one`, and an index of one image for each of ARCHITECTURES under the tag `many`."""
    made = ImageLayout(tmp_path / "layout")
    made.put_image("one", image)
    made.put_index("many", {name: runnable_image(GREETING, architecture=name) for name in ARCHITECTURES})
    return made
