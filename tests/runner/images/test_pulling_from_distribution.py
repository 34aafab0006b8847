"""Pulling from distribution v3."""

from collections.abc import Iterator

import pytest

from tests.contracts.image_pull import ImagePullContract
from tests.registry_client.peers import distribution

pytestmark = pytest.mark.tool("distribution")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with distribution(tmp_path_factory.mktemp("distribution")) as port:
        yield port


class TestDistribution(ImagePullContract):
    """Open to all."""
