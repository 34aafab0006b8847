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
from typing import Any
from urllib.parse import urlsplit

from benchmarks.s3.forwarding import Forwarder, forwarding

_ERROR = '<?xml version="1.0"?><Error><Code>{code}</Code><Message>as asked for</Message></Error>'


class Fault(StrEnum):
    """What becomes of a request, and of its answer."""

    BROKEN = "the server fails"
    SLOW_DOWN = "the server has too much to do"
    RESET = "the connection breaks before the request arrives"
    LOST = "the request is done, and its answer lost"
    CUT = "the answer's body breaks off"
    DENIED = "the server is just removing the folder of the last object beside this one"
    SKEWED = "the server takes the client's clock for wrong"


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
    server = urlsplit(endpoint)

    class Handler(_Faulty):
        chosen = faults
        upstream = (server.hostname or "", server.port or 80)

    with forwarding(Handler) as address:
        yield f"http://{address}"


class _Faulty(Forwarder):
    """Hands a request on, or lets something become of it."""

    chosen: Faults

    def forward(self, body: bytes) -> None:
        self._fault = self.chosen.draw(self.command, len(body))
        if self._fault is Fault.RESET:
            self._reset()
        elif self._fault is Fault.BROKEN:
            self._refuse(500, "InternalError")
        elif self._fault is Fault.SLOW_DOWN:
            self._refuse(503, "SlowDown")
        elif self._fault is Fault.DENIED:
            self._refuse(403, "AccessDenied")
        elif self._fault is Fault.SKEWED:
            self._refuse(403, "RequestTimeTooSkewed")
        else:
            super().forward(body)

    def pass_on(self, answer: http.client.HTTPResponse, content: bytes) -> None:
        if self._fault is Fault.LOST or (self._fault is Fault.CUT and len(content) < 2):
            self._reset()
        elif self._fault is Fault.CUT:
            self.begin(answer, content)
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        else:
            super().pass_on(answer, content)

    def _refuse(self, status: int, code: str) -> None:
        content = b"" if self.command == "HEAD" else _ERROR.format(code=code).encode()
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string())
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _reset(self) -> None:
        """End the connection in a way that nobody takes for an orderly one."""
        self.close_connection = True
        connection: Any = self.connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
