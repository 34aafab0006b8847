"""Where requests go, and what goes with them."""

import ssl
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName, Tag
from registry_client.client import RegistryClient
from registry_client.credentials import KnownCredentials
from registry_client.errors import AnswerInvalid, RedirectRefused, Unauthorized, Untrusted
from registry_client.settings import Settings
from registry_client.sources import BytesSource
from tests.certificates import Authority
from tests.contracts.registry_client import content_of
from tests.registry_client.scripted import USER, Script, Scripted, asks_for_basic, scripted

REPOSITORY = RepositoryName("a/b")
CONTENT = b"stored elsewhere"
BLOB = f"/v2/a/b/blobs/{Digest.of(CONTENT)}"


async def answers_with_the_blob(request: web.Request) -> web.Response:
    return web.Response(body=CONTENT)


def redirects(*, to: Scripted, status: int = 307) -> Script:
    """A registry that asks for a password, and sends who knows it elsewhere."""

    async def script(request: web.Request) -> web.Response:
        location = f"{to.url}stored?X-Signature=a%2Bb+c&X-Signature="
        return asks_for_basic(request) or web.Response(status=status, headers={"Location": location})

    return script


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_credentials_follow_to_another_origin(
    session: aiohttp.ClientSession, quick: Settings, status: int
) -> None:
    async with scripted(answers_with_the_blob) as storage, scripted(redirects(to=storage, status=status)) as registry:
        repository = registry.client(session, quick).repository(REPOSITORY)

        content = await content_of(repository, CONTENT)

    assert content == CONTENT
    assert registry.authorizations == [None, USER.basic()]
    assert storage.requests == ["GET /stored?X-Signature=a%2Bb+c&X-Signature="]
    assert storage.authorizations == [None]


async def test_credentials_stay_lost_on_the_way_back(session: aiohttp.ClientSession, quick: Settings) -> None:
    async def back(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": f"{registry.url}v2/secret/blobs/x"})

    async with scripted(back) as elsewhere, scripted(redirects(to=elsewhere)) as registry:
        with pytest.raises(Unauthorized):
            await content_of(registry.client(session, quick).repository(REPOSITORY), CONTENT)

    assert registry.authorizations == [None, USER.basic(), None]


async def test_credentials_follow_within_their_origin(session: aiohttp.ClientSession, quick: Settings) -> None:
    async def script(request: web.Request) -> web.Response:
        if request.path == BLOB:
            return asks_for_basic(request) or web.Response(status=302, headers={"Location": "../stored"})
        return await answers_with_the_blob(request)

    async with scripted(script) as registry:
        await content_of(registry.client(session, quick).repository(REPOSITORY), CONTENT)

    assert registry.requests == [f"GET {BLOB}", f"GET {BLOB}", "GET /v2/a/b/stored"]
    assert registry.authorizations == [None, USER.basic(), USER.basic()]


async def test_a_challenge_of_another_origin_is_not_answered(session: aiohttp.ClientSession, quick: Settings) -> None:
    async def asks(request: web.Request) -> web.Response:
        return asks_for_basic(request) or web.Response()

    async with scripted(asks) as storage, scripted(redirects(to=storage)) as registry:
        with pytest.raises(Unauthorized):
            await content_of(registry.client(session, quick).repository(REPOSITORY), CONTENT)

    assert storage.authorizations == [None]


@pytest.mark.parametrize(
    "location", ["/again", "http://user:pass@127.0.0.1/", "file:///etc/passwd", "ftp://127.0.0.1/", None]
)
async def test_a_redirect_to_nowhere_is_refused(
    session: aiohttp.ClientSession, quick: Settings, location: str | None
) -> None:
    async def script(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={} if location is None else {"Location": location})

    async with scripted(script) as registry:
        with pytest.raises((RedirectRefused, AnswerInvalid)):
            await registry.client(session, quick).ping()

    assert len(registry.requests) <= 6


async def test_a_push_is_not_turned_into_a_pull(session: aiohttp.ClientSession, quick: Settings) -> None:
    async with scripted(answers_with_the_blob) as storage, scripted(redirects(to=storage, status=302)) as registry:
        with pytest.raises(RedirectRefused):
            await registry.client(session, quick).repository(REPOSITORY).delete_manifest(Tag("latest"))

    assert storage.requests == []


async def test_an_upload_goes_where_it_is_sent_without_credentials(
    session: aiohttp.ClientSession, quick: Settings
) -> None:
    async def stores(request: web.Request) -> web.Response:
        return web.Response(status=201)

    async def script(request: web.Request) -> web.Response:
        if request.method == "HEAD":
            return asks_for_basic(request) or web.Response(status=404)
        if request.method == "POST":
            return web.Response(status=202, headers={"Location": "/upload?_state=a%2Bb+c"})
        return web.Response(status=307, headers={"Location": f"{storage.url}stored"})

    async with scripted(stores) as storage, scripted(script) as registry:
        repository = registry.client(session, quick).repository(REPOSITORY)
        await repository.push_blob(Digest.of(CONTENT), BytesSource(CONTENT))

    digest = str(Digest.of(CONTENT)).replace(":", "%3A")
    assert registry.requests[-1] == f"PUT /upload?_state=a%2Bb+c&digest={digest}"
    assert registry.authorizations[-1] == USER.basic()
    assert (storage.asked[0].method, storage.asked[0].body) == ("PUT", CONTENT)
    assert storage.authorizations == [None]


async def test_an_upload_session_at_another_origin_gets_no_credentials(
    session: aiohttp.ClientSession, quick: Settings
) -> None:
    async def stores(request: web.Request) -> web.Response:
        return web.Response(status=201)

    async def script(request: web.Request) -> web.Response:
        if request.method == "HEAD":
            return asks_for_basic(request) or web.Response(status=404)
        return web.Response(status=202, headers={"Location": f"{storage.url}session"})

    async with scripted(stores) as storage, scripted(script) as registry:
        repository = registry.client(session, quick).repository(REPOSITORY)
        await repository.push_blob(Digest.of(CONTENT), BytesSource(CONTENT))

    assert [asked.body for asked in storage.asked] == [CONTENT]
    assert storage.authorizations == [None]


@pytest.mark.tool("openssl")
async def test_what_is_secured_is_not_sent_on_unsecured(quick: Settings, tmp_path: Path) -> None:
    certificate = Authority.made_in(tmp_path).sign("localhost")
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(certificate.certificate, certificate.key)
    trusting = ssl.create_default_context(cafile=tmp_path / "authority.pem")
    connector = aiohttp.TCPConnector(ssl=trusting)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        scripted(answers_with_the_blob) as storage,
        scripted(redirects(to=storage), serving) as registry,
    ):
        with pytest.raises(RedirectRefused, match="not secured"):
            await content_of(registry.client(session, quick).repository(REPOSITORY), CONTENT)

    assert registry.authorizations == [None, USER.basic()]
    assert storage.requests == []


@pytest.mark.tool("openssl")
async def test_a_certificate_that_nobody_trusts_ends_it_at_once(
    session: aiohttp.ClientSession, quick: Settings, tmp_path: Path
) -> None:
    certificate = Authority.made_in(tmp_path).sign("localhost")
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(certificate.certificate, certificate.key)
    async with scripted(answers_with_the_blob, serving) as registry:
        client = RegistryClient(session, registry.origin, KnownCredentials({registry.origin: USER}), quick)

        with pytest.raises(Untrusted, match="its certificate is not trusted: "):
            await client.ping()

    assert registry.requests == []
