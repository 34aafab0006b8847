"""A measured store and database keep their contracts, and what they do is counted."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName, Tag
from registry.app import measured_store
from registry.app.measured_database import MeasuredDatabase
from registry.app.measured_store import MeasuredStore
from registry.metadata.database import open_database
from registry.metadata.lookups import Lookups
from registry.metadata.transaction import Transaction
from registry.observability.instruments import Family
from registry.observability.metrics import Metrics
from storage_backends.contract import BlobStore
from storage_backends.filesystem.store import FilesystemBlobStore
from tests.contracts.blob_store import BlobStoreContract


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(1, handlers=[])


@pytest.fixture
async def store(tmp_path: Path, metrics: Metrics) -> AsyncIterator[BlobStore]:
    store = MeasuredStore(FilesystemBlobStore(tmp_path / "storage", pool_size=4), "filesystem", metrics)
    yield store
    await store.close()


@pytest.fixture
async def peer(tmp_path: Path) -> AsyncIterator[BlobStore]:
    peer = FilesystemBlobStore(tmp_path / "storage", pool_size=2)
    yield peer
    await peer.close()


def count(metrics: Metrics, family: Family, *labels: str) -> float:
    """How many values a histogram's series has counted, or the value of any other series."""
    position = dict(family.series())[labels]
    cells = metrics.page.totals(family)[position : position + family.cells_per_series]
    return cells[0] if len(cells) == 1 else sum(cells[:-1])


class TestMeasuredStore(BlobStoreContract):
    """The contract, through the measuring store."""


async def chunks() -> AsyncIterator[bytes]:
    yield b"hello"


async def test_each_action_on_the_store_is_counted(store: BlobStore, metrics: Metrics) -> None:
    state = await store.begin("sha256")
    async with store.session(state.key) as session:
        assert count(metrics, metrics.uploads_in_flight) == 1
        state = await session.append(state, chunks())
        stored = await session.commit(state, Digest.of(b"hello"))
    async with await store.open(stored.key):
        pass
    await store.put_object("a", b"b")

    for action in ("append", "commit", "open", "put_object"):
        assert count(metrics, metrics.storage_duration, "filesystem", action) == 1, action
    assert count(metrics, metrics.uploads_in_flight) == 0


class Clock:
    """Time that passes only when a test says so."""

    now_s = 0.0

    def perf_counter(self) -> float:
        return self.now_s


async def test_waiting_for_a_client_is_no_time_of_the_store(
    store: BlobStore, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(measured_store, "time", clock)

    async def slow() -> AsyncIterator[bytes]:
        clock.now_s += 100
        yield b"hello"
        clock.now_s += 100

    state = await store.begin("sha256")
    async with store.session(state.key) as session:
        await session.append(state, slow())

    position = dict(metrics.storage_duration.series())["filesystem", "append"]
    total_s = metrics.page.totals(metrics.storage_duration)[position + metrics.storage_duration.cells_per_series - 1]
    assert total_s == 0


def nothing(_tx: Transaction) -> int:
    return 1


async def test_each_question_to_the_database_is_counted(sqlite_url: str, metrics: Metrics) -> None:
    repository, tag, digest = RepositoryName.parse("a"), Tag.parse("b"), Digest.of(b"")
    async with MeasuredDatabase(await open_database(sqlite_url), "sqlite", metrics.database_duration) as database:
        assert await database.read(nothing) == await database.write(nothing) == 1
        await database.ping()
        assert await database.lookups.manifest_by_tag(repository, tag) is None
        assert await database.lookups.manifest_by_digest(repository, digest) is None
        assert await database.lookups.tag_digest(repository, tag) is None
        assert await database.lookups.linked_blob(repository, digest) is None
        assert await database.lookups.upload("c") is None
        assert await database.revision() is not None

    for action, times in (("read", 1), ("write", 1), ("ping", 1), ("lookup", 5)):
        assert count(metrics, metrics.database_duration, "sqlite", action) == times, action


async def test_every_lookup_is_measured(sqlite_url: str, metrics: Metrics) -> None:
    async with MeasuredDatabase(await open_database(sqlite_url), "sqlite", metrics.database_duration) as database:
        lookups = {name for name in vars(Lookups) if not name.startswith("_")}

        assert lookups <= vars(type(database.lookups)).keys()
