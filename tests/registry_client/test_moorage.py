"""The client at Moorage itself."""

from collections.abc import Iterator

import pytest

from oci_spec.digest import Digest
from registry_client.repository import Repository
from registry_client.sources import BytesSource
from tests.contracts.registry_client import MIB
from tests.patterns import pattern
from tests.registry.app.processes import running
from tests.registry_client.faults import Proxy
from tests.registry_client.registries import RunningRegistryContract


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with running(tmp_path_factory.mktemp("moorage") / "data", "server.workers=1") as registry:
        yield registry.port


class TestMoorage(RunningRegistryContract):
    """With all that it defaults to."""

    @pytest.mark.parametrize("chunk_bytes", [None, MIB])
    async def test_digests_may_be_of_another_algorithm(
        self, repository: Repository, broken: Repository, proxy: Proxy, chunk_bytes: int | None
    ) -> None:
        content = pattern(2 * MIB + 5)
        digest = Digest.of(content, "sha512")

        await broken.push_blob(digest, BytesSource(content), chunk_bytes=chunk_bytes)

        assert b"".join([block async for block in repository.blob(digest)]) == content
        assert "digest-algorithm=sha512" in proxy.heads[1]
