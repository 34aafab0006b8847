"""Other registries as processes of their own: distribution v3, and Debian's `docker-registry`, its version 2."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from tests.ports import free_port
from tests.requirements import require_tool

START_DEADLINE_S = 30.0
_POLL_S = 0.01

USERNAME = "ali"
PASSWORD = "open sesame"
# bcrypt, as both understand no other.
_HTPASSWD = f"{USERNAME}:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n"

_CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: "{data}"}}
  delete: {{enabled: true}}
  maintenance: {{uploadpurging: {{enabled: false}}}}
http: {{addr: "127.0.0.1:{port}"}}
{auth}
"""


@contextmanager
def distribution(directory: Path, auth: str = "") -> Iterator[int]:
    """distribution v3, with its data in `directory` and the lines `auth` in its configuration; its port."""
    with _running(require_tool("distribution"), directory, auth) as port:
        yield port


@contextmanager
def docker_registry(directory: Path) -> Iterator[int]:
    """Debian's docker-registry, with its data in `directory`; its port."""
    with _running(require_tool("docker-registry"), directory, "") as port:
        yield port


def by_password(directory: Path) -> str:
    """The configuration of a registry that asks for USERNAME and PASSWORD."""
    passwords = directory / "htpasswd"
    passwords.write_text(_HTPASSWD)
    return f'auth: {{htpasswd: {{realm: "peers", path: "{passwords}"}}}}'


@contextmanager
def _running(program: Path, directory: Path, auth: str) -> Iterator[int]:
    port = free_port()
    config, log = directory / "config.yml", directory / "log"
    config.write_text(_CONFIG.format(data=directory / "data", port=port, auth=auth))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("REGISTRY_", "OTEL_"))}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, "serve", config],
            stdout=output,
            stderr=output,
            # Without it, every request is traced for a collector that is not there.
            env={**environment, "OTEL_TRACES_EXPORTER": "none"},
        )
    try:
        _wait_until_it_answers(process, port, log)
        yield port
    finally:
        process.kill()
        process.wait()


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/v2/")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(_POLL_S)
        finally:
            connection.close()
    raise AssertionError(f"no answer in {START_DEADLINE_S} s:\n{log.read_text()}")
