"""The client at a registry that asks for a name and a password."""

from collections.abc import Iterator

import aiohttp
import pytest

from registry_client.client import RegistryClient
from registry_client.credentials import Credentials, IdentityToken, Password
from registry_client.errors import Unauthorized
from registry_client.settings import Settings
from tests.registry_client.peers import PASSWORD, USERNAME, by_password, distribution
from tests.registry_client.registries import RunningRegistryContract, client_of

pytestmark = pytest.mark.tool("distribution")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    directory = tmp_path_factory.mktemp("distribution")
    with distribution(directory, by_password(directory)) as port:
        yield port


class TestPasswords(RunningRegistryContract):
    """With the right one."""

    @pytest.fixture
    def credentials(self) -> Credentials:
        return Password(USERNAME, PASSWORD)


@pytest.mark.parametrize("credentials", [None, Password(USERNAME, "guessed"), IdentityToken("guessed")])
async def test_others_are_refused(
    session: aiohttp.ClientSession, port: int, quick: Settings, credentials: Credentials | None
) -> None:
    client: RegistryClient = client_of(session, port, quick, credentials)

    with pytest.raises(Unauthorized) as refused:
        await client.ping()

    assert refused.value.code == "UNAUTHORIZED"
