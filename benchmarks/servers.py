"""The registries that are compared: started on data of their own, or found running."""

from __future__ import annotations

import http.client
import os
import ssl
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.accounts import Account
from benchmarks.generator import TlsFiles
from benchmarks.options import PeerAddress
from benchmarks.ports import free_port
from benchmarks.processes import listeners, spawned

START_DEADLINE_S = 60.0
_POLL_S = 0.002
_REGISTRY = Path(sys.executable).with_name("registry")

MOORAGE = "moorage"
WITH_ACCOUNTS = "moorage with accounts"
DISTRIBUTION = "distribution"

_DISTRIBUTION_CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: "{data}"}}
  cache: {{blobdescriptor: inmemory}}
  delete: {{enabled: true}}
  maintenance: {{uploadpurging: {{enabled: false}}}}
http: {{addr: "{address}"{tls}}}
"""


class StartFailed(Exception):
    """A server did not answer in time; its log tells why."""


@dataclass(frozen=True, slots=True)
class Server:
    """A registry that answers on `address` (host:port); HTTPS when there is an `authority` to trust.

    `roots` are the processes whose cost is the server's. `uploaded` is where it keeps the bytes that it received, and
    `start_s` is how long after its process it gave its first answer; None where that is not known. `account` is who may
    pull, where not everybody may.
    """

    name: str
    address: str
    roots: tuple[int, ...]
    authority: Path | None = None
    uploaded: Path | None = None
    start_s: float | None = None
    account: Account | None = None

    def connect(self, timeout_s: float = 60.0) -> http.client.HTTPConnection:
        """A connection; who asks for it closes it."""
        if self.authority is None:
            return http.client.HTTPConnection(self.address, timeout=timeout_s)
        context = ssl.create_default_context(cafile=self.authority)
        return http.client.HTTPSConnection(self.address, timeout=timeout_s, context=context)

    def discard_uploads(self) -> None:
        """Give back the disk space of what was pushed; the server is not asked and must not need it any more."""
        if self.uploaded is not None:
            for path in self.uploaded.rglob("*"):
                if path.is_file():
                    path.unlink()


class Candidate(ABC):
    """A registry that takes part in a comparison."""

    name: str

    @abstractmethod
    @contextmanager
    def running(self, directory: Path, tls: TlsFiles | None = None) -> Iterator[Server]:
        """The server with its data below `directory`, from its first answer to the end of the block."""
        yield NotImplemented


class StartedCandidate(Candidate):
    """A registry that this run starts, and stops whatever happens."""

    @contextmanager
    def running(self, directory: Path, tls: TlsFiles | None = None) -> Iterator[Server]:
        directory.mkdir(parents=True, exist_ok=True)
        address = f"127.0.0.1:{free_port()}"
        command = self._command(directory, address, tls)
        log = directory / "log"
        began = time.monotonic()
        with spawned(command, log=log, environment=self._environment()) as process:
            authority = tls.certificate if tls else None
            server = Server(self.name, address, (process.pid,), authority, self._uploaded(directory))
            while not _answers(server):
                if process.poll() is not None or time.monotonic() > began + START_DEADLINE_S:
                    raise StartFailed(f"{self.name} does not answer:\n{log.read_text()[-2000:]}")
                time.sleep(_POLL_S)
            yield replace(server, start_s=time.monotonic() - began)

    @abstractmethod
    def _command(self, directory: Path, address: str, tls: TlsFiles | None) -> Sequence[str | Path]: ...

    @abstractmethod
    def _uploaded(self, directory: Path) -> Path: ...

    @abstractmethod
    def _environment(self) -> dict[str, str]: ...


class Moorage(StartedCandidate):
    """`registry serve` of this checkout with its defaults, but for the logs, which its peers do not write either.

    `settings` are further ones, each as `--set` takes it.
    """

    def __init__(self, name: str = MOORAGE, settings: Sequence[str] = ()) -> None:
        self.name = name
        self._settings = settings

    def _command(self, directory: Path, address: str, tls: TlsFiles | None) -> Sequence[str | Path]:
        command: list[str | Path] = [_REGISTRY, "serve", "--listen", address, "--data", directory / "data"]
        settings = ["log.level=error", "log.access=off", *self._settings]
        if tls is not None:
            settings += [f"tls.certificate={tls.certificate}", f"tls.key={tls.key}"]
        for setting in settings:
            command += ["--set", setting]
        return command

    def _uploaded(self, directory: Path) -> Path:
        return directory / "data" / "storage" / "blobs"

    def _environment(self) -> dict[str, str]:
        # A developer's own REGISTRY_ variables must not configure the server that is measured.
        return {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}


class Distribution(StartedCandidate):
    """distribution's registry on its filesystem driver, with the settings that are best for it."""

    name = DISTRIBUTION

    def __init__(self, program: Path) -> None:
        self._program = program

    def _command(self, directory: Path, address: str, tls: TlsFiles | None) -> Sequence[str | Path]:
        config = directory / "config.yml"
        secured = f', tls: {{certificate: "{tls.certificate}", key: "{tls.key}"}}' if tls else ""
        config.write_text(_DISTRIBUTION_CONFIG.format(data=directory / "data", address=address, tls=secured))
        return [self._program, "serve", config]

    def _uploaded(self, directory: Path) -> Path:
        return directory / "data" / "docker" / "registry" / "v2" / "blobs" / "sha256"

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("REGISTRY_", "OTEL_"))}
        # Without it every request is traced for a collector that is not there.
        return {**inherited, "OTEL_TRACES_EXPORTER": "none"}


class Peer(Candidate):
    """A registry that somebody else started, and that goes on when the run ends."""

    def __init__(self, peer: PeerAddress) -> None:
        self.name = peer.name
        self._address = peer.address

    @contextmanager
    def running(self, directory: Path, tls: TlsFiles | None = None) -> Iterator[Server]:
        port = int(self._address.rpartition(":")[2])
        server = Server(self.name, self._address, tuple(listeners(port)))
        if not _answers(server):
            raise StartFailed(f"{self.name} does not answer at {self._address}")
        yield server


def _answers(server: Server) -> bool:
    connection = server.connect(timeout_s=5.0)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status in {200, 401}
    except OSError:
        return False
    finally:
        connection.close()
