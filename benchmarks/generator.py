"""The load generator as a function: a plan goes in, what came of it comes out (`benchmarks/load/plan.go`)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measure import Work

_DEADLINE_S = 900


class LoadFailed(Exception):
    """The generator could not do its work, most often because the server refused something."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of a certificate, which is its own authority, and of its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Request:
    """A request to send; a target is a path with its query."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPlan:
    """Requests in turn on some connections for some seconds, each of them once at least, and with 0 seconds just once.

    `fresh` opens a connection for each. `copy` copies the bodies out of the kernel instead of discarding them.
    """

    connections: int
    requests: tuple[Request, ...]
    seconds: float
    threads: int = 1
    copy: bool = False
    fresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPlan:
    """Blobs of `size` bytes by POST, PATCH and PUT: `operations` of them, and more until some seconds have passed.

    `seed` is at most 40 characters that no other plan has, so that no two blobs are the same.
    """

    connections: int
    repository: str
    size: int
    chunked: bool
    operations: int
    seconds: float
    seed: str


@dataclass(frozen=True, slots=True)
class Responder:
    """A server that does nothing but answer: its address (host:port), and its process."""

    address: str
    process: int


class Generator:
    """The program at `path`, which runs once for each call."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ask(self, address: str, authority: Path | None, plan: RequestPlan) -> Work:
        """Send the requests of `plan` to the server at `address`.

        Raises:
            LoadFailed: the server refused one, or did not answer in time.
        """
        most = min(plan.connections, plan.threads) if authority is None and not plan.fresh else _cores()
        return _work(self._run("requests", {**_place(address, authority), **asdict(plan)}), most)

    def upload(self, address: str, authority: Path | None, plan: UploadPlan) -> Work:
        """Push the blobs of `plan` to the server at `address`.

        Raises:
            LoadFailed: the server refused one, or did not answer in time.
        """
        result = self._run("uploads", {**_place(address, authority), **asdict(plan)})
        return _work(result, min(plan.connections, _cores()))

    def certificate(self, directory: Path) -> TlsFiles:
        """Make a certificate for loopback addresses in `directory`, valid for a day."""
        made = self._run("certificate", {"directory": str(directory)})
        return TlsFiles(Path(made["certificate"]), Path(made["key"]))

    @contextmanager
    def responder(self, size: int, threads: int = 1) -> Iterator[Responder]:
        """A server that does nothing but answer, until the block ends.

        It answers a GET with `size` bytes, and takes all uploads. What can be asked of it is the most that can be asked
        of any server with this generator.

        Raises:
            LoadFailed: it cannot listen.
        """
        plan = json.dumps({"size": size, "threads": threads}).encode() + b"\n"
        with subprocess.Popen([self._path, "respond"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(plan)
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                raise LoadFailed("the responder ended")
            # It ends with its standard input, so with this process too.
            yield Responder(json.loads(line)["address"], process.pid)

    def _run(self, work: str, plan: Mapping[str, Any]) -> dict[str, Any]:
        run = subprocess.run(
            [self._path, work],
            input=json.dumps(plan).encode(),
            capture_output=True,
            timeout=_DEADLINE_S,
            check=False,
        )
        if run.returncode:
            raise LoadFailed(run.stderr.decode().strip())
        result: dict[str, Any] = json.loads(run.stdout)
        return result


def _place(address: str, authority: Path | None) -> dict[str, str]:
    return {"address": address, "authority": "" if authority is None else str(authority)}


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _work(result: Mapping[str, Any], threads: int) -> Work:
    """`result` of a run that could not keep more than `threads` cores busy."""
    return Work(
        operations=result["operations"],
        size=result["bytes"],
        seconds=result["seconds"],
        median_s=result["median_s"],
        slow_s=result["slow_s"],
        client_s=result["cpu_s"],
        client_load=result["cpu_s"] / (result["seconds"] * min(threads, _cores())),
    )
