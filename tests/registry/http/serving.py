"""Asking the application: through aiohttp's client, or by the bytes of a connection."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestClient
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_EMPTY, OCI_MANIFEST
from registry.config.schema import Limits
from registry.http.application import DISPATCHER
from registry.http.call import Environment
from registry.http.connection import Connection as ServedConnection
from registry.http.server import Runner
from registry.services.context import Services
from tests import log_files

READ_LIMIT = 1 << 20
_RECEIVE_BYTES = 1 << 16


class RegistryServer(BaseTestServer):
    """A server whose connections are the registry's own, as those of a worker are."""

    def __init__(self, application: web.Application, limits: Limits) -> None:
        super().__init__()
        self._application, self._limits = application, limits

    async def _make_runner(self, **_: Any) -> Runner:
        return Runner(self._application, self._limits.header_s)


class Serve(Protocol):
    """Serves the application to a client; see the fixture `serve`."""

    async def __call__(
        self,
        *,
        services: Services | None = None,
        tls: ssl.SSLContext | None = None,
        tables: Mapping[str, Any] | None = None,
        parts: Mapping[str, Any] | None = None,
        **bounds: float,
    ) -> Client: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and code of an error in the specification's form."""
        assert self.headers["Content-Type"] == "application/json"
        return self.status, self.document["errors"][0]["code"]


class Connection:
    """A connection of its own, over which a test says what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, *pieces: bytes) -> None:
        """Send these bytes."""
        self._writer.write(b"".join(pieces))
        await self._writer.drain()

    def end(self) -> None:
        """Say that nothing more will be sent."""
        self._writer.write_eof()

    async def head(self) -> tuple[int, CIMultiDictProxy[str]]:
        """Status and headers of the next answer."""
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers: CIMultiDict[str] = CIMultiDict()
        for line in filter(None, lines[1:]):
            name, _, value = line.partition(": ")
            headers.add(name, value)
        return int(lines[0].split(" ")[1]), CIMultiDictProxy(headers)

    async def answer(self) -> Answer:
        """The next answer, whose body is as long as its Content-Length."""
        status, headers = await self.head()
        return Answer(status, headers, await self._reader.readexactly(int(headers.get("Content-Length", 0))))

    async def exactly(self, size: int) -> bytes:
        """The next bytes, so many."""
        return await self._reader.readexactly(size)

    async def rest(self) -> bytes:
        """Everything up to the end of the connection, which may be a reset."""
        received = b""
        try:
            while block := await self._reader.read(READ_LIMIT):
                received += block
        except ConnectionError:
            pass
        return received


class Client:
    """Asks one running application."""

    def __init__(self, client: TestClient[Any, Any], application: web.Application, environment: Environment) -> None:
        self._client, self._application = client, application
        self.environment = environment

    async def until_idle(self) -> None:
        """Return when the application serves no request."""
        await self._application[DISPATCHER].idle()

    async def until_heard(self, moment: float) -> None:
        """Return when the server has taken something that came at `moment` of the loop's time, or later."""
        while True:
            if any(connection.heard_at >= moment for connection in self._connections()):
                return
            await asyncio.sleep(0)

    def untaken(self) -> int:
        """The bytes of answers that wait in the server for their clients to take them."""
        transports = [connection.transport for connection in self._connections()]
        return sum(transport.get_write_buffer_size() for transport in transports if transport is not None)

    def _connections(self) -> list[ServedConnection]:
        runner = self._client.server.runner
        assert runner is not None
        assert runner.server is not None
        return [connection for connection in runner.server.connections if isinstance(connection, ServedConnection)]

    async def ask(self, method: str, path: str, *, data: Any = None, **options: Any) -> Answer:
        """The answer to one request; its path and query are sent as they are written here, and no type by itself."""
        if isinstance(data, bytes):
            # aiohttp warns of many bytes that it is given at once.
            data = io.BytesIO(data)
        options |= {"data": data, "allow_redirects": False, "skip_auto_headers": ["Content-Type"]}
        async with self._client.request(method, URL(path, encoded=True), **options) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, **options: Any) -> Answer:
        """The answer to a GET."""
        return await self.ask("GET", path, **options)

    @asynccontextmanager
    async def connection(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Connection]:
        """A connection to the server, closed at the end of the block; its kernel takes little that is not read."""
        connected = socket.socket()
        connected.setblocking(False)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        await asyncio.get_running_loop().sock_connect(connected, (self._client.host, self._client.port))
        reader, writer = await asyncio.open_connection(
            sock=connected, ssl=tls, server_hostname=self._client.host if tls is not None else None, limit=READ_LIMIT
        )
        try:
            yield Connection(reader, writer)
        finally:
            writer.transport.abort()

    async def raw(self, *pieces: bytes) -> Answer:
        """The answer to these bytes, after which the server has to close the connection or wait for more."""
        async with self.connection() as connection:
            await connection.send(*pieces)
            return await connection.answer()

    async def push_blob(self, repository: str, content: bytes, algorithm: str = "sha256") -> Digest:
        """Push a blob in one request; its digest."""
        digest = Digest.of(content, algorithm)
        answer = await self.ask("POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", data=content)
        assert answer.status == 201
        return digest

    async def push_artifact(self, repository: str, reference: str | None = None, **fields: Any) -> tuple[Digest, bytes]:
        """Push an artifact without content, under its digest if no reference is given; digest and bytes."""
        empty = await self.push_blob(repository, b"{}")
        descriptor = {"mediaType": OCI_EMPTY, "digest": str(empty), "size": 2}
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": "application/x",
            "config": descriptor,
        }
        content = json.dumps({**document, "layers": [descriptor], **fields}, indent=1).encode()
        digest = Digest.of(content)
        answer = await self.ask(
            "PUT",
            f"/v2/{repository}/manifests/{reference or digest}",
            data=content,
            headers={"Content-Type": OCI_MANIFEST},
        )
        assert answer.status == 201, answer.body
        return digest, content


async def logged(file: Path, request_id: str) -> dict[str, Any]:
    """The access log's entry of a request, which a thread writes a moment after the answer."""
    while True:
        for entry in log_files.entries(file):
            if entry["request_id"] == request_id:
                return entry
        await asyncio.sleep(0.01)
