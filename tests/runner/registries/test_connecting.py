"""Connections to registries that speak TLS, plain HTTP, or not at all."""

from __future__ import annotations

import base64
import json
import shutil
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from oci_spec.reference import RepositoryName
from registry_client.errors import Unreachable, Untrusted
from registry_client.settings import Settings
from runner.registries import certificates
from runner.registries.connecting import connected
from runner.registries.endpoints import Endpoint
from runner.registries.errors import ConfigurationInvalid
from tests.certificates import Authority

REPOSITORY = RepositoryName("team/app")
QUICK = Settings(attempts=1)


@dataclass
class Served:
    """A registry that notes how it was asked."""

    host: str
    asked: list[tuple[str, str | None, bool]] = field(default_factory=list)


@asynccontextmanager
async def serving(context: ssl.SSLContext | None = None, *, login: str | None = None) -> AsyncIterator[Served]:
    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        certificate = request.transport.get_extra_info("peercert")
        authorization = request.headers.get("Authorization")
        served.asked.append((request.scheme, authorization, bool(certificate)))
        if login is not None and authorization is None:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        return web.Response()

    application = web.Application()
    application.router.add_get("/v2/", answer)
    server = TestServer(application, scheme="http" if context is None else "https")
    await server.start_server(ssl=context)
    served = Served(f"localhost:{server.port}")
    try:
        yield served
    finally:
        await server.close()


def tls(authority: Authority, *, asks_for_certificates: bool = False) -> ssl.SSLContext:
    own = authority.sign("localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own.certificate, own.key)
    if asks_for_certificates:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.certificate)
    return context


async def ping(
    served: Served, *, insecure: bool = False, folder: Path | None = None, credentials: Path = Path("/nonexistent")
) -> None:
    endpoint = Endpoint(served.host, REPOSITORY, insecure)
    folders = () if folder is None else (folder,)
    async with connected(endpoint, credentials_file=credentials, certificate_folders=folders, settings=QUICK) as client:
        await client.ping()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made_in(tmp_path_factory.mktemp("authority"))


async def test_an_insecure_registry_is_asked_by_https_first_and_by_plain_http_then(authority: Authority) -> None:
    async with serving() as plain, serving(tls(authority)) as secured:
        await ping(plain, insecure=True)
        await ping(secured, insecure=True)

    assert {scheme for scheme, _, _ in plain.asked} == {"http"}
    assert {scheme for scheme, _, _ in secured.asked} == {"https"}


async def test_a_secure_one_is_never_asked_by_plain_http() -> None:
    async with serving() as plain:
        with pytest.raises(Unreachable):
            await ping(plain)

    assert plain.asked == []


async def test_its_certificate_must_be_vouched_for(authority: Authority, tmp_path: Path) -> None:
    async with serving(tls(authority)) as secured:
        with pytest.raises(Untrusted):
            await ping(secured)
        folder = tmp_path / secured.host
        folder.mkdir()
        shutil.copy(authority.certificate, folder / "ca.crt")
        await ping(secured, folder=tmp_path)

    assert len(secured.asked) == 1


async def test_a_certificate_of_the_client_is_shown(authority: Authority, tmp_path: Path) -> None:
    async with serving(tls(authority, asks_for_certificates=True)) as secured:
        folder = tmp_path / secured.host
        folder.mkdir()
        client = authority.sign("client")
        shutil.copy(authority.certificate, folder / "ca.crt")
        shutil.copy(client.certificate, folder / "client.cert")
        shutil.copy(client.key, folder / "client.key")
        await ping(secured, folder=tmp_path)

    assert secured.asked == [("https", None, True)]


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: (folder / "ca.crt").write_text("nonsense"),
        lambda folder: (folder / "client.cert").write_text("no key"),
        lambda folder: (folder / "client.key").write_text("no certificate"),
    ],
    ids=["nonsense", "no key", "no certificate"],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, write: Callable[[Path], object]) -> None:
    (tmp_path / "a.example").mkdir()
    write(tmp_path / "a.example")

    with pytest.raises(ConfigurationInvalid):
        certificates.context("a.example", verify=True, folders=[tmp_path])

    assert certificates.context("b.example", verify=True, folders=[tmp_path]).verify_mode == ssl.CERT_REQUIRED


async def test_what_docker_has_kept_of_a_login_is_shown(tmp_path: Path) -> None:
    async with serving(login="alice:secret") as plain:
        kept = base64.b64encode(b"alice:secret").decode()
        file = tmp_path / "config.json"
        file.write_text(json.dumps({"auths": {plain.host: {"auth": kept}, "other.example": {"auth": "eDp5"}}}))
        await ping(plain, insecure=True, credentials=file)

    assert plain.asked[-1] == ("http", f"Basic {kept}", False)
