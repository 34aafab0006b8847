"""Downloads over TLS, where the bytes pass through this process."""

import ssl
from pathlib import Path

import pytest

from registry.app.tls import tls_context
from registry.config.schema import Tls
from tests.certificates import Authority
from tests.patterns import pattern
from tests.registry.http.serving import Client, Serve

pytestmark = pytest.mark.tool("openssl")

SIZE = 8_000_000


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made_in(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server_tls(authority: Authority) -> ssl.SSLContext:
    made = authority.sign("localhost")
    context = tls_context(Tls(certificate=made.certificate, key=made.key))
    assert context is not None
    return context


@pytest.fixture
def client_tls(authority: Authority) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.certificate)
    context.check_hostname = False
    return context


async def push(serve: Serve, content: bytes) -> str:
    client: Client = await serve()
    return f"/v2/team/app/blobs/{await client.push_blob('team/app', content)}"


async def test_a_blob_and_its_parts_come_over_tls(
    serve: Serve, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    content = pattern(SIZE)
    path = await push(serve, content)
    client = await serve(tls=server_tls)

    whole = await client.get(path, ssl=client_tls)
    part = await client.get(path, ssl=client_tls, headers={"Range": "bytes=100-2000000"})
    parts = await client.get(path, ssl=client_tls, headers={"Range": "bytes=0-9,2000000-2000009"})

    assert (whole.status, whole.body) == (200, content)
    assert (part.status, part.body) == (206, content[100:2_000_001])
    assert parts.status == 206
    assert content[:10] in parts.body
    assert content[2_000_000:2_000_010] in parts.body


async def test_a_client_that_takes_nothing_over_tls_is_dropped(
    serve: Serve, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    path = await push(serve, b"x" * SIZE * 2)
    client = await serve(tls=server_tls, stall_s=0.2)

    async with client.connection(tls=client_tls) as connection:
        await connection.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        await connection.head()
        await client.until_idle()


async def test_garbage_over_tls_is_refused_in_json(
    serve: Serve, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, tmp_path: Path
) -> None:
    client = await serve(tls=server_tls)

    async with client.connection(tls=client_tls) as connection:
        await connection.send(b"garbage\r\n\r\n")
        answer = await connection.answer()

    assert answer.refusal == (400, "UNSUPPORTED")


async def test_headers_have_a_time_to_arrive_over_tls_too(
    serve: Serve, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    client = await serve(tls=server_tls, header_s=1.0)

    async with client.connection(tls=client_tls) as connection:
        await connection.send(b"GET /v2/ HT")
        assert await connection.rest() == b""
