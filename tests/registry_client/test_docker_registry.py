"""The client at Debian's docker-registry: the oldest that is still in use."""

from collections.abc import Iterator

import pytest

from tests.registry_client.peers import docker_registry
from tests.registry_client.registries import RunningRegistryContract

pytestmark = pytest.mark.tool("docker-registry")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with docker_registry(tmp_path_factory.mktemp("docker-registry")) as port:
        yield port


class TestDockerRegistry(RunningRegistryContract):
    """Open to all."""
