"""Servers that answer as a test says, and note what they were asked."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from multidict import CIMultiDictProxy
from yarl import URL

from registry_client.client import RegistryClient
from registry_client.credentials import Credentials, KnownCredentials, Password
from registry_client.origin import Origin
from registry_client.settings import Settings

Script = Callable[[web.Request], Awaitable[web.StreamResponse]]

USER = Password("user", "secret")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as it arrived."""

    method: str
    target: str
    headers: CIMultiDictProxy[str]
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.target}"


@dataclass
class Scripted:
    """A server at `url` that follows a script."""

    url: URL
    asked: list[Asked] = field(default_factory=list)

    @property
    def requests(self) -> list[str]:
        """Method and target of all requests."""
        return [str(asked) for asked in self.asked]

    @property
    def authorizations(self) -> list[str | None]:
        """What each request was authorized by."""
        return [asked.headers.get("Authorization") for asked in self.asked]

    @property
    def origin(self) -> Origin:
        return Origin.of(self.url)

    def client(
        self, session: aiohttp.ClientSession, settings: Settings, credentials: Credentials = USER
    ) -> RegistryClient:
        """A client of this server, with these credentials for it and for no other."""
        return RegistryClient(session, self.origin, KnownCredentials({self.origin: credentials}), settings)


@asynccontextmanager
async def scripted(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Scripted]:
    """A server on the loopback interface that answers by `script`."""
    server = Scripted(URL())

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        server.asked.append(Asked(request.method, request.raw_path, request.headers, body))
        return await script(request)

    application = web.Application(client_max_size=1 << 30)
    application.router.add_route("*", "/{path:.*}", answer)
    running = TestServer(application, scheme="https" if tls else "http", host="localhost" if tls else "127.0.0.1")
    await running.start_server(ssl=tls)
    try:
        server.url = running.make_url("/")
        yield server
    finally:
        await running.close()


def asks_for_basic(request: web.Request) -> web.Response | None:
    """The challenge of a registry with passwords; None for who has shown one."""
    if "Authorization" in request.headers:
        return None
    return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="registry"'})
