"""Disks that take no writes, or do not answer: pulls go on, the rest is refused, and goes on when they are well."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from registry.limits import READINESS_S
from tests.faults.disks import Disk, ext4_disk, refusing_writes
from tests.faults.log_lines import ONE_FOR_EACH_CAUSE
from tests.faults.pushing import Repository, told
from tests.registry.app.processes import running, wait_for_end
from tests.registry.full_disk import small_disk

MIB = 1 << 20
WORKERS = 2

pytestmark = pytest.mark.root


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with ext4_disk(tmp_path / "disk") as mounted:
        yield mounted


def test_a_read_only_storage_takes_no_pushes_until_it_is_writable_again(tmp_path: Path) -> None:
    layer = os.urandom(MIB)
    with (
        small_disk(tmp_path / "disk", 16) as disk,
        running(
            tmp_path / "data",
            f"server.workers={WORKERS}",
            f"storage.filesystem.root={disk / 'storage'}",
            first=ONE_FOR_EACH_CAUSE,
        ) as registry,
    ):
        repository = Repository(registry)
        repository.push_image(layer, "1")
        location = repository.begin(layer)
        while registry.ask("GET", "/readyz").status != 200:
            pass
        # Between two writes of the jobs.
        while (
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=False, stderr=subprocess.DEVNULL).returncode
            != 0
        ):
            pass

        refused = [repository.push_blob(os.urandom(MIB)) for _ in range(20)]
        interrupted = repository.append(location, layer)
        health, ready = registry.ask("GET", "/healthz"), registry.ask("GET", "/readyz")
        repository.assert_pullable(layer, "1")
        deleted = repository.delete_manifest("1")
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        resumed = repository.append(location, layer)
        finished = repository.finish(resumed.headers["Location"], layer * 2)
        repository.push_image(layer, "2")
        repository.assert_pullable(layer, "2")

        assert registry.ask("GET", "/readyz").status == 200

    assert {told(answer) for answer in [*refused, interrupted]} == {(503, "UNAVAILABLE", "5")}
    assert (health.status, ready.status) == (200, 503)
    assert json.loads(ready.body)["storage"] == "StorageReadOnly"
    assert (deleted, resumed.status, finished.status) == (202, 202, 201)
    lines = [line for line in registry.said if "a request could not be served" in line]
    assert 1 <= len(lines) <= WORKERS
    assert all("Read-only file system" in line for line in lines)


def test_a_disk_that_the_kernel_gave_up_is_read_as_long_as_it_goes(disk: Disk) -> None:
    layer = os.urandom(MIB)
    with running(disk.path / "data", f"server.workers={WORKERS}") as registry:
        repository = Repository(registry)
        repository.push_image(layer, "1")

        disk.fail()

        refused = [repository.push_blob(os.urandom(MIB)) for _ in range(20)]
        deleted = [repository.delete_manifest("1") for _ in range(2)]
        health, ready = registry.ask("GET", "/healthz"), registry.ask("GET", "/readyz")
        for _ in range(20):
            repository.assert_pullable(layer, "1")

    assert {told(answer) for answer in refused} == {(503, "UNAVAILABLE", "5")}
    assert deleted == [503, 503]
    assert (health.status, ready.status) == (200, 503)


def test_a_database_that_could_not_be_written_is_written_again(disk: Disk) -> None:
    layer = os.urandom(MIB)
    data = disk.path / "data"
    with running(data, f"server.workers={WORKERS}") as registry:
        repository = Repository(registry)
        repository.push_image(layer, "1")

        with refusing_writes(data / "registry.db", data / "registry.db-wal"):
            refused = [repository.push_blob(os.urandom(MIB)) for _ in range(20)]
            deleted = repository.delete_manifest("1")
            ready = registry.ask("GET", "/readyz")
            # Its successor opens the database as it is now.
            [first, _] = registry.workers()
            os.kill(first, signal.SIGKILL)
            wait_for_end(first)
            for _ in range(20):
                repository.assert_pullable(layer, "1")
            while first in (workers := registry.workers()) or len(workers) < WORKERS:
                pass
            refused += [repository.push_blob(os.urandom(MIB)) for _ in range(20)]
        statuses = [repository.push_blob(os.urandom(16)).status for _ in range(20)]

    assert {told(answer) for answer in refused} == {(503, "UNAVAILABLE", "5")}
    assert deleted == 503
    assert ready.status == 503
    assert statuses == [201] * 20


def test_a_storage_that_does_not_answer_holds_up_nobody_who_reads(disk: Disk, tmp_path: Path) -> None:
    layer = os.urandom(MIB)
    storage = f"storage.filesystem.root={disk.path / 'storage'}"
    with running(tmp_path / "data", f"server.workers={WORKERS}", storage) as registry:
        repository = Repository(registry)
        repository.push_image(layer, "1")

        # More than all threads of all workers that write.
        with ThreadPoolExecutor(64) as clients, disk.hanging():
            pushes = [clients.submit(repository.push_blob, os.urandom(MIB)) for _ in range(32)]
            not_ready = list(clients.map(lambda _: registry.ask("GET", "/readyz"), range(32)))
            for _ in range(20):
                repository.assert_pullable(layer, "1")
            health = registry.ask("GET", "/healthz")
            done_meanwhile = [push for push in pushes if push.done()]
        repository.push_image(layer, "2")
        ready = registry.ask("GET", "/readyz")

    assert health.status == 200
    assert {answer.status for answer in not_ready} == {503}
    assert {json.loads(answer.body)["storage"] for answer in not_ready} == {f"no answer within {READINESS_S} s"}
    assert done_meanwhile == []
    # They waited for the disk, and so had nothing to try again.
    assert {push.result().status for push in pushes} == {201}
    assert ready.status == 200


def test_what_a_database_that_does_not_answer_held_up_goes_on_with_it(disk: Disk, tmp_path: Path) -> None:
    layer = os.urandom(MIB)
    database = f"database.url=sqlite:///{disk.path / 'registry.db'}"
    with running(tmp_path / "data", f"server.workers={WORKERS}", database) as registry:
        repository = Repository(registry)
        repository.push_image(layer, "1")

        with ThreadPoolExecutor(32) as clients, disk.hanging():
            pushes = [clients.submit(repository.push_blob, os.urandom(MIB)) for _ in range(16)]
            pulls = [clients.submit(repository.pull_blob, layer) for _ in range(16)]
            while not all(waits_for_disk(worker) for worker in registry.workers()):
                pass
        repository.push_image(layer, "2")
        repository.assert_pullable(layer, "2")
        ready = registry.ask("GET", "/readyz")

    assert {push.result().status for push in pushes} == {201}
    assert {pull.result().body for pull in pulls} == {layer}
    assert ready.status == 200


def waits_for_disk(pid: int) -> bool:
    """Whether a thread of the process is where only the kernel can wake it (proc_pid_stat(5), state `D`)."""
    return any(_state(thread) == "D" for thread in Path(f"/proc/{pid}/task").iterdir())


def _state(thread: Path) -> str:
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""  # It ended while we looked.
