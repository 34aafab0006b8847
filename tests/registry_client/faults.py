"""A proxy on the loopback interface that does to chosen requests what networks and broken servers do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_BLOCK = 1 << 16


@dataclass
class Fault:
    """What befalls the next `times` requests of a method whose path has `path` in it.

    After `cut_request` bytes of its body, or `cut_answer` of its answer's, the connection ends; the whole answer is
    dropped; the byte at `spoil_answer` is changed; or `answer` is given, and nobody else is asked.
    """

    method: str
    path: str
    times: int = 1
    cut_request: int | None = None
    cut_answer: int | None = None
    drop_answer: bool = False
    spoil_answer: int | None = None
    answer: bytes | None = None


@dataclass
class Proxy:
    """Between the client and the registry on `upstream`; `heads` are those of all requests, as they arrived."""

    upstream: int
    port: int = 0
    faults: list[Fault] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)

    @property
    def requests(self) -> list[str]:
        """Method and path, without the query, of all requests."""
        return [" ".join(head.split("?")[0].split(" ")[:2]) for head in self.heads]

    def fields(self, name: str) -> list[str]:
        """The values of a header field in all requests that have it."""
        found = re.compile(rf"^{name}: (.*)\r$", re.IGNORECASE | re.MULTILINE)
        return [value for head in self.heads for value in found.findall(head)]

    def take_fault(self, head: str) -> Fault | None:
        """The fault that befalls a request."""
        method, target = head.split(" ", 2)[:2]
        for fault in self.faults:
            if fault.times and fault.method == method and fault.path in target:
                fault.times -= 1
                return fault
        return None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, which serves one request: so each fault hits just the one that it is meant for."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.heads.append(head)
            fault = self.take_fault(head) or Fault("", "")
            if fault.answer is not None:
                writer.write(fault.answer)
                await writer.drain()
                return
            await self._pass_on(head, fault, (reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _pass_on(
        self, head: str, fault: Fault, client: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    ) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        try:
            closing = re.sub(r"\r\nConnection:[^\r]*", "", head, flags=re.IGNORECASE)
            writer.write(closing.replace("\r\n", "\r\nConnection: close\r\n", 1).encode("latin-1"))
            ways = [
                asyncio.ensure_future(_relay(client[0], writer, fault.cut_request)),
                asyncio.ensure_future(self._answer(reader, client[1], fault)),
            ]
            # Whichever ends first, by its fault or because there is no more, ends the other.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if fault.drop_answer:
            return
        writer.write(head)
        if fault.spoil_answer is not None:
            before = await reader.readexactly(fault.spoil_answer)
            writer.write(before + bytes(255 - byte for byte in await reader.readexactly(1)))
        await _relay(reader, writer, fault.cut_answer)
        await writer.drain()


@asynccontextmanager
async def proxied(upstream: int) -> AsyncIterator[Proxy]:
    """A proxy in front of the registry on port `upstream`."""
    proxy = Proxy(upstream)
    connections: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.ensure_future(proxy.serve(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: int | None) -> None:
    """Relay until the end, or until `cut` bytes have passed."""
    left = cut
    while left != 0 and (block := await reader.read(_BLOCK if left is None else min(left, _BLOCK))):
        writer.write(block)
        await writer.drain()
        left = None if left is None else left - len(block)
