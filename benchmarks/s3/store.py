"""The S3 server that all candidates use: a versitygw, whose bucket is a directory of this machine."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ports import free_port
from benchmarks.processes import spawned
from benchmarks.servers import START_DEADLINE_S, StartFailed
from benchmarks.toolchain import build_versitygw

_USER, _PASSWORD = "benchmark", "benchmark-secret"
_BUCKET = "registry"
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Store:
    """Where the server answers (host:port), and the directory of its one bucket; credentials are for nobody else."""

    address: str
    directory: Path
    bucket: str = _BUCKET
    access_key_id: str = _USER
    secret_access_key: str = _PASSWORD

    def below(self, prefix: str) -> Path:
        """Where the objects are whose names begin with `prefix/`."""
        return self.directory / prefix


@contextmanager
def running_store(directory: Path) -> Iterator[Store]:
    """The server with its data below `directory`, until the block ends.

    Raises:
        ToolchainMissing: it could not be built.
        StartFailed: it does not answer.
    """
    address = f"127.0.0.1:{free_port()}"
    bucket = directory / "data" / _BUCKET
    # A directory at the top of its data is a bucket.
    bucket.mkdir(parents=True)
    credentials = ("--access", _USER, "--secret", _PASSWORD)
    command = (build_versitygw(), *credentials, "--port", address, "--quiet", "posix", directory / "data")
    with spawned(command, log=directory / "log", environment={}) as process:
        deadline = time.monotonic() + START_DEADLINE_S
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > deadline:
                raise StartFailed(f"versitygw does not answer:\n{(directory / 'log').read_text()[-2000:]}")
            time.sleep(_POLL_S)
        yield Store(address, bucket)


def _answers(address: str) -> bool:
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except OSError:
        return False
    finally:
        connection.close()
    return True
