"""Pulling from Moorage itself."""

from collections.abc import Iterator

import pytest

from tests.contracts.image_pull import ImagePullContract
from tests.registry.app.processes import running


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with running(tmp_path_factory.mktemp("moorage") / "data", "server.workers=1") as registry:
        yield registry.port


class TestMoorage(ImagePullContract):
    """With all that it defaults to."""
