"""A proxy before an S3 server that lets requests fail as networks and servers do: by a seed, and as often as asked."""

from __future__ import annotations

import http.client
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_ERROR = '<?xml version="1.0"?><Error><Code>{code}</Code><Message>as asked for</Message></Error>'


class Fault(StrEnum):
    """What becomes of a request, and of its answer."""

    BROKEN = "the server fails"
    SLOW_DOWN = "the server has too much to do"
    RESET = "the connection breaks before the request arrives"
    LOST = "the request is done, and its answer lost"
    CUT = "the answer's body breaks off"


@dataclass
class Faults:
    """Which faults come, and how often: a `rate` of 0 is a proxy that only counts."""

    random: random.Random
    rate: float
    kinds: tuple[Fault, ...] = tuple(Fault)
    happened: Counter[Fault] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    sent_bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def draw(self, method: str, sent: int) -> Fault | None:
        """The fate of the next request, which brings `sent` bytes."""
        with self._lock:
            self.requests[method] += 1
            self.sent_bytes += sent
            if self.random.random() >= self.rate:
                return None
            fault = self.random.choice(self.kinds)
            self.happened[fault] += 1
            return fault


@contextmanager
def faulty(endpoint: str, faults: Faults) -> Iterator[str]:
    """The URL of a proxy before `endpoint`."""
    upstream = urlsplit(endpoint)

    class Handler(_Forwarding):
        chosen = faults
        server_address = (upstream.hostname or "", upstream.port or 80)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        # A connection that rests must not keep the test from ending.
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Forwarding(BaseHTTPRequestHandler):
    """Hands a request on as it is: its signature covers the host that the client asked."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    chosen: Faults
    server_address: tuple[str, int]

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            # The client has gone.
            self.close_connection = True

    def log_message(self, *said: object) -> None:
        """Say nothing."""

    def answer(self) -> None:
        """Answer one request of any kind."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.chosen.draw(self.command, len(body))
        if fault is Fault.RESET:
            self._reset()
        elif fault is Fault.BROKEN:
            self._refuse(500, "InternalError")
        elif fault is Fault.SLOW_DOWN:
            self._refuse(503, "SlowDown")
        else:
            self._forward(body, fault)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815 - the names that the library looks for

    def _forward(self, body: bytes, fault: Fault | None) -> None:
        connection = http.client.HTTPConnection(*self.server_address, timeout=30)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            self._pass_on(connection.getresponse(), fault)
        finally:
            connection.close()

    def _pass_on(self, answer: http.client.HTTPResponse, fault: Fault | None) -> None:
        content = answer.read()
        if fault is Fault.LOST or (fault is Fault.CUT and len(content) < 2):
            self._reset()
            return
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.headers.items():
            if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                self.send_header(name, value)
        length = answer.headers["Content-Length"] if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        if fault is Fault.CUT:
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        else:
            self.wfile.write(content)

    def _refuse(self, status: int, code: str) -> None:
        content = b"" if self.command == "HEAD" else _ERROR.format(code=code).encode()
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _reset(self) -> None:
        """End the connection in a way that nobody takes for an orderly one."""
        self.close_connection = True
        connection: Any = self.connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
