"""The client at a registry that takes the tokens of a token server."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName
from registry_client.credentials import Credentials, IdentityToken, Password
from registry_client.errors import Unauthorized
from registry_client.settings import Settings
from registry_client.sources import BytesSource
from tests.contracts.registry_client import MIB, content_of, pushed
from tests.patterns import pattern
from tests.registry_client.faults import Fault, proxied
from tests.registry_client.peers import PASSWORD, USERNAME, distribution
from tests.registry_client.registries import RunningRegistryContract, client_of
from tests.registry_client.token_server import ISSUER, SERVICE, TokenServer

pytestmark = pytest.mark.tool("distribution")

REPOSITORY = RepositoryName("client/tokens")
SCOPE = f"repository:{REPOSITORY}"


@pytest.fixture
async def tokens() -> AsyncIterator[TokenServer]:
    """A token server with an account."""
    async with TokenServer(accounts={USERNAME: PASSWORD}, refresh_tokens={"first"}).serving() as server:
        yield server


@pytest.fixture
def port(tokens: TokenServer, tmp_path: Path) -> Iterator[int]:
    """A registry that takes the tokens of `tokens`."""
    (tmp_path / "jwks.json").write_text(tokens.jwks())
    settings = f'realm: "{tokens.url}", service: {SERVICE}, issuer: {ISSUER}, jwks: "{tmp_path / "jwks.json"}"'
    with distribution(tmp_path, f"auth: {{token: {{{settings}}}}}") as port:
        yield port


class TestWithTokens(RunningRegistryContract):
    @pytest.fixture
    def credentials(self) -> Credentials:
        return Password(USERNAME, PASSWORD)


async def test_one_token_serves_all_that_it_allows(
    session: aiohttp.ClientSession, port: int, quick: Settings, tokens: TokenServer
) -> None:
    repository = client_of(session, port, quick, Password(USERNAME, PASSWORD)).repository(REPOSITORY)

    for content in (b"one", b"two"):
        await pushed(repository, content)
        await content_of(repository, content)

    # The first question is whether the blob is there; to push, more is asked for, and that covers both.
    assert tokens.grants == [
        ("GET", USERNAME, [f"{SCOPE}:pull"]),
        ("GET", USERNAME, [f"{SCOPE}:pull,push"]),
    ]


async def test_everybody_may_pull_what_is_public_and_not_push(
    session: aiohttp.ClientSession, port: int, quick: Settings, tokens: TokenServer
) -> None:
    await pushed(client_of(session, port, quick, Password(USERNAME, PASSWORD)).repository(REPOSITORY), b"public")
    anybody = client_of(session, port, quick).repository(REPOSITORY)

    assert await content_of(anybody, b"public") == b"public"
    with pytest.raises(Unauthorized):
        await pushed(anybody, b"something else")

    # Having been told that it may not, it does not ask for the same again.
    assert tokens.grants[-2:] == [("GET", "", [f"{SCOPE}:pull"]), ("GET", "", [f"{SCOPE}:pull,push"])]


async def test_a_wrong_password_is_told_by_the_token_server(
    session: aiohttp.ClientSession, port: int, quick: Settings
) -> None:
    client = client_of(session, port, quick, Password(USERNAME, "guessed"))

    with pytest.raises(Unauthorized, match="incorrect username or password"):
        await client.repository(REPOSITORY).find_blob(Digest.of(b""))


async def test_an_identity_token_is_posted_and_may_be_exchanged_each_time(
    session: aiohttp.ClientSession, port: int, quick: Settings, tokens: TokenServer
) -> None:
    tokens.rotates = True
    client = client_of(session, port, quick, IdentityToken("first"))

    await pushed(client.repository(REPOSITORY), b"mine")

    assert [grant[:2] for grant in tokens.grants] == [("POST", "refreshed"), ("POST", "refreshed")]
    assert "first" not in tokens.refresh_tokens


async def test_a_password_is_posted_where_the_server_takes_nothing_else(
    session: aiohttp.ClientSession, port: int, quick: Settings, tokens: TokenServer
) -> None:
    tokens.takes_get = False

    await pushed(client_of(session, port, quick, Password(USERNAME, PASSWORD)).repository(REPOSITORY), b"mine")

    assert {grant[0] for grant in tokens.grants} == {"POST"}


async def test_tokens_that_end_in_the_middle_of_an_upload_are_replaced(
    session: aiohttp.ClientSession, port: int, quick: Settings, tokens: TokenServer
) -> None:
    content = pattern(4 * MIB)
    ended = f"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {tokens.challenge(error='invalid_token')}\r\n\r\n".encode()
    async with proxied(port) as proxy:
        repository = client_of(session, proxy.port, quick, Password(USERNAME, PASSWORD)).repository(REPOSITORY)
        proxy.faults += [Fault("GET", "/uploads/", answer=ended), Fault("PUT", "/uploads/", answer=ended)]
        proxy.faults.append(Fault("PATCH", "/uploads/", cut_request=1))

        await repository.push_blob(Digest.of(content), BytesSource(content), chunk_bytes=MIB)

        assert await content_of(repository, content) == content
    assert tokens.grants.count(("GET", USERNAME, [f"{SCOPE}:pull,push"])) == 3
