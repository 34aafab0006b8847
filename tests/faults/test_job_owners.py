"""Periodic jobs of processes that were killed: others own them soon, however seldom the jobs are done."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

from registry.jobs import garbage_collection
from registry.jobs.schedule import JOBS
from registry.services.owner import has_died
from tests.registry.app.processes import Registry, running, wait_for_end
from tests.registry.metadata.raw_sql import execute

_NAMES = {*(job.name for job in JOBS), garbage_collection.NAME}
_SETTINGS = ("server.workers=2", "gc.interval_s=86400")


async def test_the_jobs_of_a_killed_worker_go_on_at_once(tmp_path: Path, sqlite_url: str) -> None:
    with running(tmp_path / "data", *_SETTINGS, f"database.url={sqlite_url}") as registry:
        before = await _owned_by(registry, sqlite_url)
        owner = before[garbage_collection.NAME]

        os.kill(owner, signal.SIGKILL)
        await asyncio.to_thread(_wait_until_reaped, registry, owner)

        after = await _owned_by(registry, sqlite_url)
        assert owner not in after.values()


async def test_the_jobs_of_a_killed_server_go_on_at_the_next_start(tmp_path: Path, sqlite_url: str) -> None:
    settings = (*_SETTINGS, f"database.url={sqlite_url}")
    with running(tmp_path / "data", *settings) as registry:
        before = await _owned_by(registry, sqlite_url)
        for pid in (registry.process.pid, *registry.workers()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    with running(tmp_path / "data", *settings) as registry:
        after = await _owned_by(registry, sqlite_url)

    assert not set(before.values()) & set(after.values())


def _wait_until_reaped(registry: Registry, worker: int) -> None:
    wait_for_end(worker)
    while worker in registry.workers():
        pass


async def _owned_by(registry: Registry, database_url: str) -> dict[str, int]:
    """Wait until each job is owned by a worker that lives; their process ids."""
    while True:
        rows = await execute(database_url, "SELECT name, owner FROM job_lease")
        owners = {name: int(owner.split()[1]) for name, owner in rows if not has_died(owner)}
        if owners.keys() >= _NAMES and set(owners.values()) <= set(registry.workers()):
            return owners
