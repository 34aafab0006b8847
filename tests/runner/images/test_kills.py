"""Pulls that are killed at any moment leave nothing half-visible, and the next one makes it whole."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from oci_spec.image_name import ImageName
from runner.images.removal import prune, remove
from runner.store import index, layers
from runner.store.folders import Store
from tests.registry.app.processes import running
from tests.runner.images.making import Made, connect, endpoint_of, make
from tests.runner.layers.archives import END, directory, file
from tests.runner.layers.trees import Snapshot, snapshot

pytestmark = pytest.mark.timeout(600)

ROUNDS = 60


def tree(mark: bytes) -> bytes:
    """Enough for a pull to take a while: many small files, and one that is not small."""
    small = b"".join(file(b"d/%s-%d" % (mark, number), mark * number) for number in range(300))
    return directory(b"d") + small + file(b"large-" + mark, os.urandom(3_000_000)) + END


class Puller:
    """The process that pulls in children."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def pull(self, store: Store, name: ImageName, killed_after_s: float | None = None) -> int:
        """The status of a pull that was killed after a while, or was not."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{store.root} {name}\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        if killed_after_s is not None:
            # The moment is what is tested, and not waited for.
            time.sleep(killed_after_s)
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        return int(self._process.stdout.readline())


@contextmanager
def pulling() -> Iterator[Puller]:
    command = [sys.executable, "-m", "tests.runner.images.pulling_process"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        yield Puller(process)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with running(tmp_path_factory.mktemp("moorage") / "data", "server.workers=1") as registry:
        yield registry.port


def trees(store: Store) -> dict[str, Snapshot]:
    """All layers that are to be seen, by their chain IDs; of their roots, no archive told the time."""
    found = {path.name: snapshot(path / "diff") for path in Path(store.path("layers")).iterdir()}
    return {name: {place: what for place, what in tree.items() if place != b"."} for name, tree in found.items()}


def check(store: Store, image: Made, whole: dict[str, Snapshot]) -> None:
    """Nothing is visible that is not whole."""
    for path in Path(store.path("blobs/sha256")).iterdir():
        assert Digest.of(path.read_bytes()).encoded == path.name
    seen = trees(store)
    assert all(seen[name] == whole[name] for name in seen)
    for known in index.read(store).images():
        assert known.id == image.id
        assert all(layers.has(store, chain_id) for chain_id in known.layers)


async def test_a_pull_that_is_killed_at_any_moment_leaves_nothing_half_visible(port: int, tmp_path: Path) -> None:
    image = make(tree(b"a"), tree(b"b"), tree(b"c"), compressions=("gzip", "zstd", "none"))
    name = ImageName.parse(f"127.0.0.1:{port}/killed:1")
    async with connect(endpoint_of(name)) as client:
        await image.push(client.repository(name.repository), "1")
    store, moments = Store(str(tmp_path / "store")), random.Random(7)

    with pulling() as puller:
        assert puller.pull(Store(str(tmp_path / "warm")), name) == 0
        begun = time.monotonic()
        assert puller.pull(Store(str(tmp_path / "whole")), name) == 0
        took_s = time.monotonic() - begun
        whole = trees(Store(str(tmp_path / "whole")))
        killed, is_empty = 0, True
        for _ in range(ROUNDS):
            begun = time.monotonic()
            if puller.pull(store, name, moments.uniform(0, took_s)) == -signal.SIGKILL:
                killed += 1
            elif is_empty:
                # On a machine that had more to do then, the first may have taken many times as long.
                took_s = min(took_s, time.monotonic() - begun)
            check(store, image, whole)
            is_empty = bool(index.read(store).images())
            if is_empty:
                remove(store, str(image.id))
                prune(store, lambda _: True)
        assert puller.pull(store, name) == 0

    assert killed > ROUNDS / 4
    assert trees(store) == whole
    remove(store, str(image.id))
    prune(store, lambda _: True)
    for folder in ("layers", "unpacking", "partial", "leases", "trash", "blobs/sha256"):
        assert list(Path(store.path(folder)).iterdir()) == []
