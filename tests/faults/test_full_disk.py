"""A full disk: pushes are refused, pulls go on, deletions give room, and with room everything goes on by itself."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from tests.faults.log_lines import ONE_FOR_EACH_CAUSE
from tests.faults.pushing import Repository, image_of, told
from tests.registry.app.processes import Registry, running
from tests.registry.full_disk import filled, small_disk

MIB = 1 << 20
WORKERS = 2
FULL = "UNAVAILABLE"

pytestmark = pytest.mark.root

everywhere = pytest.mark.parametrize("on_disk", ["database and storage", "storage", "database"])


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 24) as mounted:
        yield mounted


@contextmanager
def registry_on(disk: Path, on_disk: str) -> Iterator[Registry]:
    """A registry with what is named on `disk`, and all else elsewhere; it collects garbage at once."""
    places = {
        "database and storage": [],
        "storage": [f"storage.filesystem.root={disk / 'storage'}"],
        "database": [f"database.url=sqlite:///{disk / 'registry.db'}"],
    }[on_disk]
    data = disk / "data" if on_disk == "database and storage" else disk.parent / "data"
    settings = (f"server.workers={WORKERS}", "gc.grace_s=0", "gc.interval_s=1", *places)
    with running(data, *settings, first=ONE_FOR_EACH_CAUSE) as started:
        yield started


@everywhere
def test_pushes_are_refused_and_pulls_go_on_until_there_is_room(disk: Path, on_disk: str) -> None:
    layer, rest = os.urandom(MIB), os.urandom(MIB)
    with registry_on(disk, on_disk) as registry:
        repository = Repository(registry)
        repository.push_image(layer, "1")
        location = repository.begin(layer)

        with filled(disk):
            refused = [repository.push_blob(os.urandom(MIB)) for _ in range(20)]
            interrupted = repository.append(location, rest)
            health, ready = registry.ask("GET", "/healthz"), registry.ask("GET", "/readyz")
            for _ in range(20):
                repository.assert_pullable(layer, "1")

        repository.push_image(rest, "2")
        resumed = repository.append(interrupted.headers.get("Location", location), rest)
        finished = repository.finish(resumed.headers["Location"], layer + rest)
        assert registry.ask("GET", "/readyz").status == 200

    assert [told(answer) for answer in refused] == [(507, FULL, "5")] * 20
    assert told(interrupted) == (507, FULL, "5")
    assert health.status == 200
    assert (ready.status, b"StorageFull" in ready.body) == (503, True)
    assert (resumed.status, finished.status) == (202, 201)
    lines = [line for line in registry.said if "a request could not be served" in line]
    # Once for each worker and each of these causes: not for each of 21 requests.
    causes = ("No space left on device", "database or disk is full", "the disk is full: ")
    assert 1 <= len(lines) <= len(causes) * WORKERS
    assert all(any(cause in line for cause in causes) for line in lines), lines


@contextmanager
def pushing_on(repository: Repository) -> Iterator[None]:
    """Clients that try to push for as long as the block runs: whatever room there is, they would have it."""
    over = threading.Event()

    def push() -> None:
        while not over.is_set():
            repository.push_blob(os.urandom(4 * MIB))

    with ThreadPoolExecutor(8) as clients:
        pushes = [clients.submit(push) for _ in range(8)]
        try:
            yield
        finally:
            over.set()
            for each in pushes:
                each.result()


@everywhere
def test_what_is_deleted_on_a_full_disk_gives_room(disk: Path, on_disk: str) -> None:
    layers = [os.urandom(MIB) for _ in range(4)]
    with registry_on(disk, on_disk) as registry:
        repository = Repository(registry)
        for number, layer in enumerate(layers):
            repository.push_image(layer, f"v{number}")
            for more in range(20):
                assert repository.push_manifest(image_of(layer), f"v{number}.{more}").status == 201

        with filled(disk):
            # What is left inside of the database's files is used up first.
            while repository.push_blob(os.urandom(16)).status != 507:
                pass
            with pushing_on(repository):
                tags = [repository.delete_manifest(f"v{number}.{more}") for number in range(4) for more in range(20)]
                manifests = [repository.delete_manifest(str(Digest.of(image_of(layer)))) for layer in layers]
            blobs = [repository.delete_blob(layer) for layer in layers]
            if on_disk != "database":
                # The bytes go by themselves, and what they leave is room for a push.
                while repository.push_blob(layers[0][: MIB // 2]).status == 507:
                    pass
        repository.push_image(layers[0], "again")
        repository.assert_pullable(layers[0], "again")

    assert set(tags) == set(manifests) == set(blobs) == {202}
