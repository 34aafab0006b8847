"""A whole registry as a process of its own, with its workers, seen from outside."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path
from queue import Queue
from typing import Any

import registry
from oci_spec.digest import Digest

SOURCES = Path(registry.__file__).parent.parent
"""Where the program's rooms stand."""
_COMMAND = "from registry.cli.main import main; main()"


@dataclass
class Answer:
    """A whole answer."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Registry:
    """A running supervisor."""

    process: subprocess.Popen[bytes]
    data: Path
    port: int = 0
    said: list[str] = field(default_factory=list)
    _lines: Queue[str | None] = field(default_factory=Queue)

    def __post_init__(self) -> None:
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def await_event(self, event: str) -> dict[str, Any]:
        """The next line of the log that tells of `event`."""
        while (line := self._lines.get()) is not None:
            if line.startswith("{"):
                entry: dict[str, Any] = json.loads(line)
                if entry["event"] == event:
                    return entry
        raise AssertionError(f"the registry ended before it said {event!r}: {self.said}")

    def await_listening(self) -> None:
        """Return once it serves, on `port`."""
        address = self.await_event("listening")["address"]
        self.port = int(address.rpartition(":")[2])

    def workers(self) -> list[int]:
        """The process ids of its workers."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def connect(self, tls: ssl.SSLContext | None = None) -> HTTPConnection:
        """A connection of its own."""
        return HTTPSConnection("localhost", self.port, context=tls) if tls else HTTPConnection("127.0.0.1", self.port)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        tls: ssl.SSLContext | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to one request, on a connection of its own."""
        connection = self.connect(tls)
        try:
            connection.request(method, path, body, headers or {})
            return whole(connection.getresponse())
        finally:
            connection.close()

    def signal(self, number: signal.Signals) -> None:
        """Send the supervisor a signal."""
        self.process.send_signal(number)

    def ended(self) -> int:
        """Wait until it has ended and all that it said is in `said`; its exit code."""
        code = self.process.wait()
        self._listener.join()
        return code

    def kill(self) -> None:
        """End it, if it has not ended, with its workers."""
        workers = self.workers() if self.process.poll() is None else []
        self.process.kill()
        self.ended()
        for worker in workers:
            wait_for_end(worker)

    def _listen(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as pipe:
            for line in pipe:
                self.said.append(line.decode())
                self._lines.put(line.decode())
        self._lines.put(None)


def whole(response: HTTPResponse) -> Answer:
    """The answer, read to its end."""
    return Answer(response.status, dict(response.getheaders()), response.read())


@contextmanager
def starting(
    data: Path,
    *settings: str,
    listen: str = "127.0.0.1:0",
    config: Path | None = None,
    first: str = "",
    within: Sequence[str | Path] = (),
    sources: Path = SOURCES,
) -> Iterator[Registry]:
    """A registry that is told to start, with its data in `data` and `key=value` settings; it may refuse.

    Its access log is a file beside `data`. Its process runs the Python statements `first` before anything else, and the
    program in `sources`. It is started by the command `within`, which becomes what it is told to start.
    """
    data.mkdir(exist_ok=True)
    flags = [part for setting in settings for part in ("--set", setting)]
    flags += ["--config", str(config)] if config is not None else []
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    with access_log_of(data).open("ab") as access_log:
        process = subprocess.Popen(
            [*within, sys.executable, "-c", first + _COMMAND, "serve", "--listen", listen, "--data", str(data), *flags],
            cwd=data,
            env={**inherited, "PYTHONPATH": str(sources)},
            stdout=access_log,
            stderr=subprocess.PIPE,
        )
    started = Registry(process, data)
    try:
        yield started
    finally:
        started.kill()


@contextmanager
def running(
    data: Path,
    *settings: str,
    listen: str = "127.0.0.1:0",
    config: Path | None = None,
    first: str = "",
    within: Sequence[str | Path] = (),
    sources: Path = SOURCES,
) -> Iterator[Registry]:
    """A registry that serves."""
    with starting(
        data, *settings, listen=listen, config=config, first=first, within=within, sources=sources
    ) as started:
        address = started.await_event("listening")["address"]
        started.port = int(address.rpartition(":")[2])
        yield started


def access_log_of(data: Path) -> Path:
    """The access log of the registry whose data is in `data`."""
    return data.with_name(f"{data.name}.access.log")


class HeldRequest:
    """A push that a worker is serving, and that ends when the test sends its last bytes."""

    def __init__(self, registry: Registry, repository: str, content: bytes) -> None:
        self._rest = content[len(content) // 2 :]
        self._connection: HTTPConnection = registry.connect()
        self._connection.putrequest("POST", f"/v2/{repository}/blobs/uploads/?digest={Digest.of(content)}")
        self._connection.putheader("Content-Length", str(len(content)))
        self._connection.putheader("Expect", "100-continue")
        self._connection.endheaders(content[: len(content) // 2])
        # The worker asks for the body: it is at work.
        assert self.socket.recv(64).startswith(b"HTTP/1.1 100 ")

    @property
    def socket(self) -> socket.socket:
        connected: socket.socket = self._connection.sock
        return connected

    def finish(self) -> int:
        """Send the rest; the answer's status."""
        with closing(self._connection):
            self._connection.send(self._rest)
            return whole(self._connection.getresponse()).status

    def is_cut_off(self) -> bool:
        """Wait for the end of the connection, or for an answer; whether it ended without one, however roughly."""
        try:
            return self.socket.recv(64) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        """Give it up."""
        self._connection.close()


def wait_for_end(pid: int) -> None:
    """Wait until the process `pid`, not necessarily a child of this one, has ended."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        select.select([watched], [], [])
    finally:
        os.close(watched)
