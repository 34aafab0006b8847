"""The real server as a process of its own, and questions to it that no client sits between."""

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tests.ports import free_port

REGISTRY = Path(sys.executable).with_name("registry")

# They end a test that hangs: a machine that does much else lets a server wait for itself.
START_DEADLINE_S = 90.0
STOP_DEADLINE_S = 90.0
_ANSWER_DEADLINE_S = 90.0
_POLL_S = 0.02

_MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
ANY_MANIFEST = ", ".join(_MANIFEST_TYPES)
"""What a client accepts that takes every kind of manifest."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said: status, headers and the whole body."""

    status: int
    headers: "Message[str, str]"
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class RunningRegistry:
    """A server that listens on `address` (host:port), keeps its data in `data` and writes its output to `log`.

    `tls` is what it is asked with, if it speaks HTTPS.
    """

    address: str
    data: Path
    log: Path
    tls: ssl.SSLContext | None = None

    def ask(self, path: str, *, method: str = "GET", accept: str = "*/*") -> Answer:
        """The answer to one request, whatever its status."""
        scheme = "http" if self.tls is None else "https"
        request = Request(f"{scheme}://{self.address}{path}", method=method, headers={"Accept": accept})
        try:
            with urlopen(request, timeout=_ANSWER_DEADLINE_S, context=self.tls) as response:
                return Answer(response.status, response.headers, response.read())
        except HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def manifest(self, repository: str, reference: str) -> Answer:
        """The manifest under a tag or digest, of whichever kind it is."""
        return self.ask(f"/v2/{repository}/manifests/{reference}", accept=ANY_MANIFEST)

    def digest(self, repository: str, reference: str) -> str | None:
        """The digest that a tag names; None where there is no such tag."""
        answer = self.ask(f"/v2/{repository}/manifests/{reference}", method="HEAD", accept=ANY_MANIFEST)
        return answer.headers["Docker-Content-Digest"] if answer.status == 200 else None

    def tags(self, repository: str) -> list[str]:
        """The repository's tags, in the server's order."""
        tags: list[str] = self.ask(f"/v2/{repository}/tags/list").document["tags"]
        return tags

    def referrers(self, repository: str, digest: str) -> list[dict[str, Any]]:
        """The descriptors of the manifests whose subject is `digest`."""
        descriptors: list[dict[str, Any]] = self.ask(f"/v2/{repository}/referrers/{digest}").document["manifests"]
        return descriptors


@contextmanager
def running_registry(
    directory: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    address: str | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[RunningRegistry]:
    """A server with its data and log below `directory`, from its first `ready` until it has stopped cleanly.

    It listens on `address`, or else on the loopback interface; where `options` make it speak HTTPS, it is asked with
    `tls`.

    It may be started again on the same directory. A server that does not come up, does not end in time after SIGTERM,
    ends with a status other than 0 or logs a traceback fails the test.
    """
    directory.mkdir(parents=True, exist_ok=True)
    address = address or f"127.0.0.1:{free_port()}"
    registry = RunningRegistry(address, directory / "data", directory / "registry.log", tls)
    command: list[str | Path] = [REGISTRY, "serve", "--listen", address, "--data", registry.data, *options]
    with registry.log.open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=_environment(environment or {}))
    try:
        _wait_until_ready(registry, process)
        yield registry
    finally:
        status = _stop(process)
    said = registry.log.read_text()
    assert status == 0, f"the registry ended with status {status}:\n{said}"
    assert "Traceback" not in said, said


def _environment(chosen: Mapping[str, str]) -> dict[str, str]:
    # A developer's own REGISTRY_ variables must not configure the server under test.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    return {**inherited, **chosen}


def _wait_until_ready(registry: RunningRegistry, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the registry ended at its start:\n{registry.log.read_text()}"
        try:
            if registry.ask("/readyz").status == 200:
                return
        except (URLError, ConnectionError):
            pass  # Nobody listens yet.
        time.sleep(_POLL_S)
    raise AssertionError(f"the registry was not ready in {START_DEADLINE_S} s:\n{registry.log.read_text()}")


def _stop(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(STOP_DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
