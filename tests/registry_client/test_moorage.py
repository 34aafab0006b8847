"""The client at Moorage itself."""

from collections.abc import Iterator

import pytest

from tests.registry.app.processes import running
from tests.registry_client.registries import RunningRegistryContract


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with running(tmp_path_factory.mktemp("moorage") / "data", "server.workers=1") as registry:
        yield registry.port


class TestMoorage(RunningRegistryContract):
    """With all that it defaults to."""
