"""What docker's own client makes of flags: its request to create a container, taken by a daemon that only notes it."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any

Request = dict[str, Any]


class _Daemon(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True

    def __init__(self, place: str) -> None:
        super().__init__(place, _Handler)
        self.requests: list[Request] = []


class _Handler(BaseHTTPRequestHandler):
    server: _Daemon

    def do_HEAD(self) -> None:
        self._answer(200, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(json.loads(body))
        self._answer(201, {"Id": "a" * 64, "Warnings": []})

    def _answer(self, status: int, document: Request) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in (("Api-Version", "1.43"), ("Ostype", "linux"), ("Content-Type", "application/json")):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass

    def address_string(self) -> str:
        return ""


class DockerClient:
    """Asks docker's client."""

    def __init__(self, program: str, daemon: _Daemon, place: str) -> None:
        self._program = program
        self._daemon = daemon
        self._place = place

    def create(self, *words: str, own: dict[str, str], folder: Path) -> Request | None:
        """The request that `docker create` makes; None where it refuses, with 125."""
        self._daemon.requests.clear()
        done = subprocess.run(
            [self._program, "--host", f"unix://{self._place}", "create", *words],
            check=False,
            capture_output=True,
            text=True,
            env=own,
            cwd=folder,
            timeout=60,
        )
        assert done.returncode in {0, 125}, done.stderr
        if done.returncode:
            assert not self._daemon.requests
            return None
        return self._daemon.requests[0]


@contextmanager
def docker_client(program: str, home: Path) -> Iterator[DockerClient]:
    """A client with a daemon of its own, whose socket lies in `home`."""
    place = str(home / "docker.sock")
    with _Daemon(place) as daemon:
        thread = threading.Thread(target=daemon.serve_forever, daemon=True)
        thread.start()
        try:
            yield DockerClient(program, daemon, place)
        finally:
            daemon.shutdown()
            thread.join()
