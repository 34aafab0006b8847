"""A registry under load whose processes are killed again and again, and that is asked each time what it still knows."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any

import asyncpg

import registry as product
from tests.faults.clients import Client
from tests.faults.inspection import Inspection
from tests.faults.killing import kill, wait_for_open_file
from tests.faults.ledger import UPLOAD_EXPIRE_S, Ledger
from tests.faults.patience import patient
from tests.faults.web import Web, looking, open_web
from tests.ports import free_port
from tests.registry.app.processes import Registry, running

KINDS = (
    "HEAD blob", "POST whole blob", "POST upload", "PATCH chunk", "PATCH stream", "PUT upload", "DELETE upload",
    "POST mount", "DELETE blob", "PUT manifest", "PUT manifest by digest", "PUT index", "PUT referrer", "PUT tag",
    "PUT shared tag", "DELETE tag", "DELETE manifest",
)  # fmt: skip
"""What clients ask, but for what they ask to see whether it worked."""

_CLIENTS = 12
_REQUESTS = 16
_LEASE_S = 8.0
_LAYERS = 60
_BUSY = """
    SELECT EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
    )
"""


def hurried(lease_s: float) -> str:
    """What makes of a registry's process one in which two times are shorter.

    Leases end soon, so that much is collected, and workers that die young are replaced without a pause.
    """
    return f"""\
from registry import limits
from registry.app import supervisor
limits.LEASE_S = {lease_s}
supervisor._SOON_S = 0.0
"""


class Victim(StrEnum):
    """Who is killed in a round."""

    WORKER = "worker"
    SERVER = "whole server"
    COMMAND = "registry gc"


class Siege:
    """The registry, its clients, and the ledger of what they were told."""

    def __init__(
        self, data: Path, database_url: str, seed: int, *, lease_s: float = _LEASE_S, layers: int = _LAYERS
    ) -> None:
        """Start a registry on a migrated database; all chances come from `seed`, and clients share so many layers."""
        self.settings = [
            "server.workers=2",
            f"database.url={database_url}",
            "gc.grace_s=0",
            "gc.interval_s=1",
            f"uploads.expire_s={UPLOAD_EXPIRE_S}",
            "log.access=off",
        ]
        self.data, self.database_url, self.seed = data, database_url, seed
        self.chance, self.ledger, self._layers = Random(seed), Ledger(lease_s), layers
        self._hurried = hurried(lease_s) + patient(database_url)
        self.compared: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.said: list[dict[str, Any]] = []
        self._running = ExitStack()
        self.registry = self._start(free_port())

    @asynccontextmanager
    async def under_load(self) -> AsyncIterator[Web]:
        """Clients at work, who rest but for the rounds."""
        async with open_web(self.registry.port) as web:
            clients = [Client(number, web, self.ledger, self.seed, self._layers) for number in range(_CLIENTS)]
            try:
                async with asyncio.TaskGroup() as tasks:
                    working = [tasks.create_task(client.work()) for client in clients]
                    yield web
                    for task in working:
                        task.cancel()
            finally:
                self._end()

    @asynccontextmanager
    async def at_rest(self) -> AsyncIterator[None]:
        """The registry, started again, without clients."""
        self.registry = self._start(free_port())
        try:
            yield
        finally:
            self._end()

    async def round(self, web: Web, victim: Victim) -> None:
        """Let clients work until somebody is killed; then compare what is there with what was said."""
        await self._work_until_a_moment(web)
        if victim is Victim.COMMAND:
            with self._command("gc") as process:
                await asyncio.to_thread(wait_for_open_file, process.pid, "registry.db")
                await kill([process.pid], self.chance, self.calls, web.about_to_kill)
        elif victim is Victim.WORKER:
            await kill([self.chance.choice(self.registry.workers())], self.chance, self.calls, web.about_to_kill)
        else:
            pids = [self.registry.process.pid, *self.registry.workers()]
            await kill(pids, self.chance, self.calls, web.about_to_kill)
            self._restart()
        await web.quiet()
        await self._database_quiet()
        async with self._inspection() as inspection:
            await inspection.look_at_what_was_touched(self.chance)

    async def work(self, web: Web, *, requests: int) -> None:
        """Let clients send so many requests; nobody is killed."""
        enough, left = asyncio.Event(), requests

        def count(_: str) -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                enough.set()

        web.heard = count
        web.open_gate()
        await enough.wait()
        web.close_gate()
        await web.quiet()

    async def look_at_everything(self) -> None:
        """Compare all that is there with all that was said."""
        async with self._inspection() as inspection:
            await inspection.look_at_everything()

    async def look_at_tags(self) -> None:
        """Compare what all tags name, and whether that is whole."""
        async with self._inspection() as inspection:
            await inspection.look_at_tags()

    def use_database(self, database_url: str) -> None:
        """Be, from the next start on, a registry with another database and the same storage.

        Upload sessions do not come back from there.
        """
        self.ledger.uploads = []
        self.settings = [f"database.url={database_url}", *self.settings]
        self.settings.remove(f"database.url={self.database_url}")
        self.database_url = database_url

    def ask_command(self, *arguments: str) -> Any:
        """What a `registry` command, run beside the server, prints as JSON."""
        with self._command(*arguments, "--json") as process:
            output, errors = process.communicate()
        assert process.returncode == 0, errors
        return json.loads(output)

    @asynccontextmanager
    async def _inspection(self) -> AsyncIterator[Inspection]:
        async with looking(self.registry.port) as web:
            yield Inspection(web, self.ledger, self.compared)

    async def _work_until_a_moment(self, web: Web) -> None:
        """Let clients work until, after some requests, one is sent of the kind that was interrupted least so far."""
        enough, left = asyncio.Event(), self.chance.randint(1, _REQUESTS)
        wanted = min(KINDS, key=lambda kind: web.interrupted[kind])

        def count(kind: str) -> None:
            nonlocal left
            left -= 1
            if left <= 0 and (kind == wanted or left <= -2 * _REQUESTS):
                enough.set()

        web.heard = count
        web.open_gate()
        await enough.wait()

    async def _database_quiet(self) -> None:
        """PostgreSQL goes on for a moment with what a client had asked of it that died."""
        if not self.database_url.startswith("postgresql:"):
            return
        connection = await asyncpg.connect(self.database_url)
        try:
            while await connection.fetchval(_BUSY):
                pass
        finally:
            await connection.close()

    @contextmanager
    def _command(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        code = f"{self._hurried}from registry.cli.main import main; main()"
        flags = ["--data", str(self.data), *(part for setting in self.settings for part in ("--set", setting))]
        environment = {**os.environ, "PYTHONPATH": str(Path(product.__file__).parents[1])}
        with subprocess.Popen(
            [sys.executable, "-c", code, *arguments, *flags],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def _start(self, port: int) -> Registry:
        started = running(self.data, *self.settings, listen=f"127.0.0.1:{port}", first=self._hurried)
        return self._running.enter_context(started)

    def _restart(self) -> None:
        self._end()
        self.registry = self._start(self.registry.port)

    def _end(self) -> None:
        self._running.close()
        self.said += [json.loads(line) for line in self.registry.said]
