"""Loaded without its certificates, aiohttp trusts nobody; what the system trusts is asked for, and had."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
from pathlib import Path

from aiohttp import web

from tests.certificates import Authority
from tests.registry_client.scripted import scripted

# In a process of its own: here aiohttp is loaded already.
_ASK = """
import asyncio
import sys
from registry_client.lean_aiohttp import aiohttp
from registry.config.values import Network
from registry.egress.client import Client
from registry.egress.contract import Question

async def ask(url):
    client = Client([Network.parse("127.0.0.0/8"), Network.parse("::1")])
    print((await client.ask(Question(url=url))).status)
    await client.close()
    async with aiohttp.ClientSession() as session:
        try:
            await session.get(url)
        except aiohttp.ClientConnectorCertificateError:
            print("trusts nobody")

asyncio.run(ask(sys.argv[1]))
"""


async def test_who_connects_trusts_the_system_s_authorities_and_a_default_nobody(tmp_path: Path) -> None:
    authority = Authority.made_in(tmp_path)
    own = authority.sign("localhost")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(own.certificate, own.key)

    async with scripted(_says_hello, tls=tls) as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _ASK, str(server.url.with_host("localhost"))),
            env={**os.environ, "SSL_CERT_FILE": str(authority.certificate)},
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()

    assert said.decode().splitlines() == ["200", "trusts nobody"]


async def _says_hello(_: web.Request) -> web.Response:
    return web.Response(text="hello")
