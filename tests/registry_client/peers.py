"""Other registries as processes of their own: distribution v3, and Debian's `docker-registry`, its version 2."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

from tests.ports import free_port
from tests.requirements import require_tool

if TYPE_CHECKING:
    from tests.s3 import S3Server

# It ends a test that hangs.
START_DEADLINE_S = 90.0
_POLL_S = 0.01

USERNAME = "ali"
PASSWORD = "open sesame"
# bcrypt, as both understand no other.
_HTPASSWD = f"{USERNAME}:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n"

_CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  {storage}
  delete: {{enabled: true}}
  maintenance: {{uploadpurging: {{enabled: false}}}}
http: {{addr: "127.0.0.1:{port}"}}
{auth}
"""


@contextmanager
def distribution(directory: Path, auth: str = "") -> Iterator[int]:
    """distribution v3, with its data in `directory` and the lines `auth` in its configuration; its port."""
    with _running(require_tool("distribution"), directory, _on_files(directory), auth) as port:
        yield port


@contextmanager
def distribution_on_s3(directory: Path, server: S3Server, root: str) -> Iterator[int]:
    """distribution v3, with its data below `root` in the server's bucket; its port."""
    settings = {
        "bucket": server.bucket,
        "region": "us-east-1",
        "regionendpoint": server.endpoint,
        "rootdirectory": f"/{root}",
        "accesskey": server.access_key_id,
        "secretkey": server.secret_access_key,
        "forcepathstyle": True,
        "secure": False,
    }
    # JSON is YAML, too.
    with _running(require_tool("distribution"), directory, f"s3: {json.dumps(settings)}", "") as port:
        yield port


@contextmanager
def docker_registry(directory: Path) -> Iterator[int]:
    """Debian's docker-registry, with its data in `directory`; its port."""
    with _running(require_tool("docker-registry"), directory, _on_files(directory), "") as port:
        yield port


def by_password(directory: Path) -> str:
    """The configuration of a registry that asks for USERNAME and PASSWORD."""
    passwords = directory / "htpasswd"
    passwords.write_text(_HTPASSWD)
    return f'auth: {{htpasswd: {{realm: "peers", path: "{passwords}"}}}}'


def _on_files(directory: Path) -> str:
    return f'filesystem: {{rootdirectory: "{directory / "data"}"}}'


@contextmanager
def _running(program: Path, directory: Path, storage: str, auth: str) -> Iterator[int]:
    port = free_port()
    config, log = directory / "config.yml", directory / "log"
    config.write_text(_CONFIG.format(storage=storage, port=port, auth=auth))
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
