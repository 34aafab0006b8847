"""Uploads of blobs that the server has never seen, acknowledged only when they are durable."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import replace

from benchmarks.content import GIB, MIB
from benchmarks.disk import durable_speed, is_memory_only, settle
from benchmarks.generator import UploadPlan
from benchmarks.machine import file_system
from benchmarks.measure import Work
from benchmarks.servers import Server
from benchmarks.workloads.workload import Kit, Unit, Unsuitable, Workload, size_name

LENGTH = "Content-Length"
CHUNKED = "chunked"

_REPOSITORY = "bench/uploads"
# What one round may write, and how much of the disk must stay free beside that.
_LARGEST_ROUND = 16 * GIB
_KEPT_FREE = 10 * GIB
# What a server may be left with whose blobs this run cannot take away.
_LEFT_BEHIND = 8 * GIB


class Uploads(Workload):
    """Blobs of one size by POST, PATCH and PUT, with the body's length announced or in chunks as `docker push` does."""

    unit = Unit.BYTES

    def __init__(self, kit: Kit, size: int, encoding: str, connections: int) -> None:
        self.name = f"blob upload {size_name(size)}, {encoding}, c={connections}"
        self._kit = kit
        self._plan = UploadPlan(
            connections=connections,
            repository=_REPOSITORY,
            size=size,
            chunked=encoding == CHUNKED,
            operations=connections if size > MIB else 4 * connections,
            seconds=kit.options.seconds,
            seed="",
        )
        if self.round_size > 4 * GIB:
            self.most_rounds = 3

    @property
    def round_size(self) -> int:
        """How many bytes a round writes at least."""
        return self._plan.operations * self._plan.size

    def obstacle(self) -> str | None:
        """Why this cannot be measured here, None when it can."""
        if is_memory_only(file_system(self._kit.scratch)):
            return "nothing that is written here is durable: build/ is in memory"
        if self.round_size > _LARGEST_ROUND:
            return f"a round would write {size_name(self.round_size)}"
        if shutil.disk_usage(self._kit.scratch).free < self.round_size * 2 + _KEPT_FREE:
            return "not enough disk space"
        return None

    def prepare(self, server: Server) -> None:
        left = self.round_size * min(self._kit.options.rounds, self.most_rounds)
        if server.uploaded is None and left > _LEFT_BEHIND:
            raise Unsuitable(f"{left / GIB:.0f} GiB would stay on its disk")
        self._send(server, replace(self._plan, size=min(self._plan.size, MIB), operations=1, seconds=0))

    def ready_disk(self) -> float | None:
        settle()
        return durable_speed(self._kit.scratch)

    def run(self, server: Server) -> Work:
        return self._send(server, self._plan)

    def tidy(self, server: Server) -> None:
        server.discard_uploads()

    def _send(self, server: Server, plan: UploadPlan) -> Work:
        own = replace(plan, seed=secrets.token_hex(16))
        return self._kit.generator.upload(server.address, server.authority, own)
