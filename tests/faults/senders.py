"""Clients that send large blobs at next to no cost of their own: the kernel copies from one file to all of them.

All blobs begin alike and end each in bytes of its own, so that one file holds what is sent of all of them, as it goes
over the wire: plain, or cut into the chunks that `docker push` sends.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPResponse
from typing import Literal

from tests.registry.app.processes import Answer, Registry, whole

Encoding = Literal["content-length", "chunked"]

_CHUNK = 32 << 10
_END = 16
_STEP = 1 << 20


@dataclass(frozen=True)
class Content:
    """Blobs of `size` bytes, a multiple of 32 KiB and 16 bytes more, as they are sent in `encoding`."""

    size: int
    encoding: Encoding
    file: int
    sent: int
    _begun: hashlib._Hash

    def digest(self, number: int) -> str:
        """The digest of blob `number`."""
        digest = self._begun.copy()
        digest.update(_end(number))
        return f"sha256:{digest.hexdigest()}"

    def head(self) -> str:
        """The header that tells how long the body is."""
        return f"Content-Length: {self.size}" if self.encoding == "content-length" else "Transfer-Encoding: chunked"

    def last(self, number: int) -> bytes:
        """What is sent after the file."""
        end = _end(number)
        return end if self.encoding == "content-length" else b"%x\r\n%b\r\n0\r\n\r\n" % (len(end), end)


@contextmanager
def content(size: int, encoding: Encoding) -> Iterator[Content]:
    """Blobs of about `size` bytes, whose common part is in memory until the block ends."""
    chunk = os.urandom(_CHUNK)
    frame = chunk if encoding == "content-length" else b"%x\r\n%b\r\n" % (_CHUNK, chunk)
    digest = hashlib.sha256()
    file = os.memfd_create("content")
    try:
        for _ in range(size // _CHUNK):
            digest.update(chunk)
            os.write(file, frame)
        whole = size // _CHUNK * _CHUNK + _END
        yield Content(whole, encoding, file, size // _CHUNK * len(frame), digest)
    finally:
        os.close(file)


@dataclass
class Sender:
    """One upload of a blob over a connection of its own; `sent` bytes of what the file holds are on their way."""

    registry: Registry
    content: Content
    number: int
    sent: int = 0
    _connection: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self._connection = socket.create_connection(("127.0.0.1", self.registry.port))

    def begin(self) -> None:
        """Open a session, and send the head of the request that brings the bytes."""
        location = self._ask("POST", "/v2/load/app/blobs/uploads/", "Content-Length: 0").headers["Location"]
        if self.content.encoding == "content-length":
            # In one request, as containerd does it.
            self._request("PUT", f"{location}&digest={self.content.digest(self.number)}", self.content.head())
        else:
            self._request("PATCH", location, self.content.head())

    def send(self, stop: int | None = None) -> None:
        """Send what the file holds up to `stop`, or all of it."""
        stop = self.content.sent if stop is None else stop
        while self.sent < stop:
            self.sent += os.sendfile(
                self._connection.fileno(), self.content.file, self.sent, min(_STEP, stop - self.sent)
            )

    def finish(self) -> int:
        """Send the rest and close the session; the status."""
        self.send()
        self._connection.sendall(self.content.last(self.number))
        answer = self._answer("PUT")
        if self.content.encoding == "chunked" and answer.status == 202:
            path = f"{answer.headers['Location']}&digest={self.content.digest(self.number)}"
            answer = self._ask("PUT", path, "Content-Length: 0")
        return answer.status

    def close(self) -> None:
        """Give the connection up."""
        self._connection.close()

    def _ask(self, method: str, path: str, *headers: str) -> Answer:
        self._request(method, path, *headers)
        return self._answer(method)

    def _request(self, method: str, path: str, *headers: str) -> None:
        lines = (f"{method} {path} HTTP/1.1", "Host: registry", *headers, "", "")
        self._connection.sendall("\r\n".join(lines).encode())

    def _answer(self, method: str) -> Answer:
        response = HTTPResponse(self._connection, method=method)
        response.begin()
        return whole(response)


@contextmanager
def senders(registry: Registry, blobs: Content, count: int) -> Iterator[list[Sender]]:
    """Uploads that have not begun, each of a blob of its own; given up at the end."""
    with ExitStack() as stack:
        yield [stack.enter_context(closing(Sender(registry, blobs, number))) for number in range(count)]


def _end(number: int) -> bytes:
    return number.to_bytes(_END, "big")
