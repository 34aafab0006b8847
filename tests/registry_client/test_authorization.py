"""The dance with a token server, led by the client's requests."""

import asyncio
import time

import aiohttp
import pytest
from aiohttp import web

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName
from registry_client import limits
from registry_client.authorization import TokenCache
from registry_client.client import RegistryClient
from registry_client.credentials import Anonymous, IdentityToken, KnownCredentials
from registry_client.errors import AnswerInvalid, RealmRefused, RedirectRefused, TooLarge, Unauthorized
from registry_client.scopes import Scopes
from registry_client.settings import Settings
from registry_client.token_dance import Token
from tests.registry_client.scripted import USER, Script, scripted
from tests.registry_client.token_server import TokenServer

REPOSITORY = RepositoryName("a/b")
PULL = "repository:a/b:pull"
PUSH = "repository:a/b:pull,push"
BLOBS = [Digest.of(bytes([number])) for number in range(10)]


def registry_of(tokens: TokenServer, needs: str = PULL, **more: str) -> Script:
    """A registry that has every blob, for whoever has a token of `tokens` that allows what it `needs`."""

    async def script(request: web.Request) -> web.Response:
        if tokens.allows(request.headers.get("Authorization"), needs):
            return web.Response(body=b"blob")
        return web.Response(status=401, headers={"WWW-Authenticate": tokens.challenge(needs, **more)})

    return script


def account() -> TokenServer:
    return TokenServer(accounts={USER.username: USER.password}, public=frozenset())


async def test_requests_made_at_once_wait_for_one_token(session: aiohttp.ClientSession, quick: Settings) -> None:
    async with account().serving() as tokens, scripted(registry_of(tokens)) as registry:
        repository = registry.client(session, quick).repository(REPOSITORY)

        sizes = await asyncio.gather(*map(repository.find_blob, BLOBS))

    assert sizes == [4] * len(BLOBS)
    assert tokens.grants == [("GET", "user", [PULL])]


async def test_identity_tokens_that_serve_once_are_shown_one_after_the_other(
    session: aiohttp.ClientSession, quick: Settings
) -> None:
    async with TokenServer(refresh_tokens={"first"}, rotates=True).serving() as tokens:

        async def script(request: web.Request) -> web.Response:
            scope = f"repository:{request.path.split('/')[2]}:pull"
            if tokens.allows(request.headers.get("Authorization"), scope):
                return web.Response(body=b"blob")
            return web.Response(status=401, headers={"WWW-Authenticate": tokens.challenge(scope)})

        async with scripted(script) as registry:
            client = registry.client(session, quick, IdentityToken("first"))
            repositories = [client.repository(RepositoryName(name)) for name in "abcd"]
            sizes = await asyncio.gather(*(repository.find_blob(BLOBS[0]) for repository in repositories))

    assert sizes == [4] * len(repositories)
    assert len(tokens.grants) == len(repositories)


async def test_a_larger_scope_that_is_asked_for_is_added(session: aiohttp.ClientSession, quick: Settings) -> None:
    async with (
        account().serving() as tokens,
        scripted(registry_of(tokens, needs="repository:x:pull", error="insufficient_scope")) as registry,
    ):
        await registry.client(session, quick).repository(REPOSITORY).find_blob(BLOBS[0])

    assert tokens.grants == [("GET", "user", [PULL, "repository:x:pull"])]


async def test_who_is_not_granted_enough_does_not_ask_again(session: aiohttp.ClientSession, quick: Settings) -> None:
    async with (
        account().serving() as tokens,
        scripted(registry_of(tokens, error="insufficient_scope")) as registry,
    ):
        with pytest.raises(Unauthorized):
            await registry.client(session, quick, Anonymous()).repository(REPOSITORY).find_blob(BLOBS[0])

    assert len(tokens.grants) == 1
    assert len(registry.requests) == 2


async def test_a_registry_that_is_never_content_is_not_asked_for_ever(
    session: aiohttp.ClientSession, quick: Settings
) -> None:
    async with account().serving() as tokens:

        async def never(request: web.Request) -> web.Response:
            return web.Response(status=401, headers={"WWW-Authenticate": tokens.challenge(PULL, error="invalid_token")})

        async with scripted(never) as registry:
            with pytest.raises(Unauthorized):
                await registry.client(session, quick).repository(REPOSITORY).find_blob(BLOBS[0])

    assert len(registry.requests) == 1 + limits.CHALLENGE_ROUNDS
    assert len(tokens.grants) == limits.CHALLENGE_ROUNDS


async def test_a_token_that_was_made_void_is_replaced_once_for_all(
    session: aiohttp.ClientSession, quick: Settings
) -> None:
    void: set[str | None] = set()

    async with account().serving() as tokens:
        valid = registry_of(tokens, error="invalid_token")

        async def script(request: web.Request) -> web.StreamResponse:
            if request.headers.get("Authorization") in void:
                return web.Response(status=401, headers={"WWW-Authenticate": tokens.challenge(error="invalid_token")})
            return await valid(request)

        async with scripted(script) as registry:
            repository = registry.client(session, quick).repository(REPOSITORY)
            await repository.find_blob(BLOBS[0])
            void.update(registry.authorizations)

            sizes = await asyncio.gather(*map(repository.find_blob, BLOBS))

    assert sizes == [4] * len(BLOBS)
    assert tokens.grants == [("GET", "user", [PULL])] * 2


async def test_a_realm_that_redirects_elsewhere_gives_nothing_away(
    session: aiohttp.ClientSession, quick: Settings
) -> None:
    async def takes(request: web.Request) -> web.Response:
        return web.json_response({"token": "t"})

    async with scripted(takes) as elsewhere:

        async def script(request: web.Request) -> web.Response:
            if request.path == "/token":
                return web.Response(status=307, headers={"Location": f"{elsewhere.url}token"})
            challenge = f'Bearer realm="{registry.url}token"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})

        async with scripted(script) as registry:
            for credentials in (USER, IdentityToken("secret")):
                with pytest.raises(RedirectRefused):
                    await registry.client(session, quick, credentials).ping()

    assert elsewhere.requests == []


async def test_credentials_of_one_origin_are_not_shown_to_the_realm_of_another(
    session: aiohttp.ClientSession, quick: Settings
) -> None:
    async with (
        account().serving() as tokens,
        scripted(registry_of(tokens)) as one,
        scripted(registry_of(tokens)) as other,
    ):
        known = KnownCredentials({one.origin: USER})
        client = RegistryClient(session, one.origin, known, quick)
        stranger = RegistryClient(session, other.origin, known, quick)

        await client.repository(REPOSITORY).find_blob(BLOBS[0])
        with pytest.raises(Unauthorized):
            await stranger.repository(REPOSITORY).find_blob(BLOBS[0])

    assert tokens.grants[0] == ("GET", "user", [PULL])
    assert {grant[1] for grant in tokens.grants[1:]} == {""}


@pytest.mark.parametrize("realm", ["http://token.example/", "file:///etc/passwd", "http://a@127.0.0.1/token", ""])
async def test_a_hostile_realm_is_not_gone_to(session: aiohttp.ClientSession, quick: Settings, realm: str) -> None:
    async def script(request: web.Request) -> web.Response:
        return web.Response(status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'})

    async with scripted(script) as registry:
        with pytest.raises(RealmRefused):
            await registry.client(session, quick).ping()

    assert registry.authorizations == [None]


@pytest.mark.parametrize(
    ("body", "error"),
    [(b"{}", AnswerInvalid), (b"a" * (limits.TOKEN_BYTES + 1), TooLarge), (b'{"token":"a\\nb"}', AnswerInvalid)],
)
async def test_what_is_no_token_ends_the_dance(
    session: aiohttp.ClientSession, quick: Settings, body: bytes, error: type[Exception]
) -> None:
    async def script(request: web.Request) -> web.Response:
        if request.path == "/token":
            return web.Response(body=body)
        return web.Response(status=401, headers={"WWW-Authenticate": f'Bearer realm="{registry.url}token"'})

    async with scripted(script) as registry:
        with pytest.raises(error):
            await registry.client(session, quick).ping()


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_token_server_that_refuses_the_credentials_is_not_asked_again(
    session: aiohttp.ClientSession, quick: Settings, status: int
) -> None:
    async def script(request: web.Request) -> web.Response:
        if request.path == "/token":
            return web.json_response({"errors": [{"code": "DENIED", "message": "no"}]}, status=status)
        return web.Response(status=401, headers={"WWW-Authenticate": f'Bearer realm="{registry.url}token"'})

    async with scripted(script) as registry:
        with pytest.raises(Unauthorized) as refused:
            await registry.client(session, quick).ping()

    assert (refused.value.status, refused.value.code) == (status, "DENIED")
    assert len(registry.requests) == 2


async def test_a_token_server_that_is_busy_is_asked_again(session: aiohttp.ClientSession, quick: Settings) -> None:
    async def script(request: web.Request) -> web.Response:
        if request.path == "/token":
            busy = len(registry.requests) < 4
            return web.Response(status=503) if busy else web.json_response({"token": "t"})
        if "Authorization" in request.headers:
            return web.Response()
        return web.Response(status=401, headers={"WWW-Authenticate": f'Bearer realm="{registry.url}token"'})

    async with scripted(script) as registry:
        await registry.client(session, quick).ping()

    assert registry.authorizations[-1] == "Bearer t"


def test_a_token_is_good_until_shortly_before_its_end() -> None:
    cache, scopes = TokenCache(), Scopes.parse(PUSH)
    asked_at = time.monotonic()

    cache.keep(scopes, Token("old", 300), asked_at - 271)
    found_old = cache.find(scopes)
    cache.keep(scopes, Token("new", 300), asked_at - 200)

    assert found_old is None
    assert cache.find(scopes) == "Bearer new"
    assert cache.find(Scopes.parse(PULL)) == "Bearer new"
    assert cache.find(Scopes.parse("repository:other:pull")) is None


def test_only_so_many_tokens_are_kept() -> None:
    cache, now = TokenCache(), time.monotonic()
    every = [Scopes.parse(f"repository:{number}:pull") for number in range(limits.TOKENS + 1)]

    for scopes in every[:-1]:
        cache.keep(scopes, Token("t", 300), now)
    cache.find(every[0])
    cache.keep(every[-1], Token("t", 300), now)

    assert [scopes for scopes in every if cache.find(scopes) is None] == [every[1]]
