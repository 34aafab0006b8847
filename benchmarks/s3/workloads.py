"""What registries on S3 are measured with."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks.content import GIB, MIB, REPOSITORY, digest
from benchmarks.generator import UploadPlan
from benchmarks.measure import Work
from benchmarks.servers import Server
from benchmarks.workloads.requests import Downloads
from benchmarks.workloads.uploads import LENGTH, Uploads
from benchmarks.workloads.workload import Kit, Unit, Unsuitable, Workload, size_name

_READ_SIZE = 1 << 20


@dataclass(frozen=True, slots=True)
class Stage:
    """Workloads that share servers, which hold a blob of each of `sizes`; with `redirect` these lead clients to S3."""

    name: str
    workloads: tuple[Workload, ...]
    sizes: tuple[int, ...] = ()
    redirect: bool = False


class Redirected(Workload):
    """One blob, pulled by way of the registry's redirect to S3: what that costs the registry."""

    unit = Unit.BYTES

    def __init__(self, kit: Kit, size: int) -> None:
        self.name = f"S3: redirected blob GET {size_name(size)}, c=1"
        self._kit = kit
        self._size = size
        self._target = ""

    def prepare(self, server: Server) -> None:
        self._target = f"/v2/{REPOSITORY}/blobs/{digest(self._kit.corpus.blobs(self._size)[0])}"
        self.run(server)

    def run(self, server: Server) -> Work:
        began, used = time.monotonic(), time.process_time()
        connection = server.connect()
        try:
            connection.request("GET", self._target)
            answer = connection.getresponse()
            answer.read()
            if answer.status != http.HTTPStatus.TEMPORARY_REDIRECT:
                raise Unsuitable(f"it answered {answer.status}")
            size = _discard(answer.headers["Location"])
        finally:
            connection.close()
        if size != self._size:
            raise Unsuitable(f"S3 gave {size} bytes")
        return Work(1, size, time.monotonic() - began, client_s=time.process_time() - used)


def make_stages(kit: Kit) -> list[Stage]:
    """What the options of `kit` ask for."""
    size, large = 100 * MIB, [] if kit.options.quick else [GIB]
    counts = [(size, 1), (size, 8), *((each, 1) for each in large), (16 * MIB, 64)]
    uploads = [_named(Uploads(kit, each, LENGTH, connections)) for each, connections in counts]
    counts = [(size, 1), (size, 8), *((each, 1) for each in large)]
    downloads = [_named(Downloads(kit, "blob GET", each, connections)) for each, connections in counts]
    redirected = [Redirected(kit, each) for each in (size, *large)]
    stages = (
        Stage("uploads", _wanted(kit, uploads)),
        Stage("downloads", _wanted(kit, downloads), (size, *large)),
        Stage("redirects", _wanted(kit, redirected), (size, *large), redirect=True),
    )
    return [stage for stage in stages if stage.workloads]


def push_counted(kit: Kit, server: Server, size: int) -> None:
    """Push one blob as `docker push` does it."""
    plan = UploadPlan(
        connections=1, repository="bench/counted", size=size, chunked=True, operations=1, seconds=0, seed="counted"
    )
    kit.generator.upload(server.address, server.authority, plan)


def _named(workload: Workload) -> Workload:
    workload.name = f"S3: {workload.name}"
    return workload


def _wanted(kit: Kit, workloads: Iterable[Workload]) -> tuple[Workload, ...]:
    return tuple(workload for workload in workloads if kit.options.wants(workload.name))


def _discard(url: str) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        answer, size = connection.getresponse(), 0
        while block := answer.read(_READ_SIZE):
            size += len(block)
        return size
    finally:
        connection.close()
