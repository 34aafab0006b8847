"""Databases that are locked, do not answer or are away: 503 in time, and everything goes on when they are well."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.faults.log_lines import ONE_FOR_EACH_CAUSE
from tests.faults.pushing import Repository, told
from tests.postgresql import PostgresCluster, running_cluster
from tests.registry.app.processes import Registry, running

WORKERS = 2
CLIENTS = 16
BUSY = (503, "UNAVAILABLE", "5")

LAYER = os.urandom(1 << 20)


def test_a_database_that_another_process_keeps_locked_is_told_as_busy(tmp_path: Path) -> None:
    with running(tmp_path / "data", f"server.workers={WORKERS}", first=ONE_FOR_EACH_CAUSE) as registry:
        repository = Repository(registry)
        repository.push_image(LAYER, "1")

        with closing(sqlite3.connect(tmp_path / "data" / "registry.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            # Pulls are answered meanwhile, and health; for all that is written there is an end to waiting.
            with asking(repository) as refused:
                for _ in range(20):
                    repository.assert_pullable(LAYER, "1")
                assert registry.ask("GET", "/healthz").status == 200
                assert registry.ask("GET", "/readyz").status == 503
            other.execute("ROLLBACK")

        assert_well(registry)

    assert refused == [BUSY] * CLIENTS
    assert_told_once(registry, "database is locked (SQLITE_BUSY)")


@contextmanager
def asking(repository: Repository) -> Iterator[list[tuple[int, str, str | None]]]:
    """Push from many clients at once while the block runs, and wait for their answers; what they were told."""
    answers: list[tuple[int, str, str | None]] = []
    with ThreadPoolExecutor(CLIENTS) as clients:
        pushes = [clients.submit(repository.push_blob, os.urandom(1024)) for _ in range(CLIENTS)]
        yield answers
        answers += [told(push.result()) for push in pushes]


def assert_well(registry: Registry) -> None:
    """All is served, by all workers."""
    repository = Repository(registry)
    for number in range(2 * WORKERS):
        repository.push_image(LAYER, f"after{number}")
        repository.assert_pullable(LAYER, f"after{number}")
    repository.assert_pullable(LAYER, "1")
    assert registry.ask("GET", "/readyz").status == 200


def assert_told_once(registry: Registry, *causes: str) -> None:
    """The log names each cause, and none more often than there are workers."""
    told_causes = [json.loads(line)["cause"] for line in registry.said if "a request could not be served" in line]
    assert all(any(cause in line for line in told_causes) for cause in causes), told_causes
    assert max(Counter(told_causes).values()) <= WORKERS


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    """A server that these tests may break."""
    with running_cluster() as started:
        yield started


@contextmanager
def a_locked_row(cluster: PostgresCluster, database: str) -> Iterator[None]:
    with holding(cluster, database, "SELECT * FROM repository FOR UPDATE"):
        yield


@contextmanager
def a_locked_table(cluster: PostgresCluster, database: str) -> Iterator[None]:
    with holding(cluster, database, "LOCK TABLE blob IN EXCLUSIVE MODE"):
        yield


@contextmanager
def no_writes(cluster: PostgresCluster, database: str) -> Iterator[None]:
    set_for_all(cluster, "ALTER SYSTEM SET default_transaction_read_only = on")
    try:
        yield
    finally:
        set_for_all(cluster, "ALTER SYSTEM RESET default_transaction_read_only")


@contextmanager
def a_stopped_server(cluster: PostgresCluster, database: str) -> Iterator[None]:
    cluster.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        cluster.signal(signal.SIGCONT)


@contextmanager
def no_server(cluster: PostgresCluster, database: str) -> Iterator[None]:
    cluster.stop()
    try:
        yield
    finally:
        cluster.start()


FAULTS = (
    # What it does, whether the database can be read meanwhile, and whether the registry is ready meanwhile.
    (a_locked_row, True, True),
    (a_locked_table, True, True),
    (no_writes, True, False),
    (a_stopped_server, False, False),
    (no_server, False, False),
)


@pytest.mark.tool("postgres")
@pytest.mark.timeout(300)
def test_a_postgresql_that_fails_is_used_again_when_it_is_well(cluster: PostgresCluster, tmp_path: Path) -> None:
    database = cluster.create()
    # What an operator sets who wants nobody to wait for long.
    cluster.run(f'ALTER DATABASE "{database}" SET statement_timeout = 2000')
    settings = (f"server.workers={WORKERS}", f"database.url={cluster.url(database)}")
    with running(tmp_path / "data", *settings, first=ONE_FOR_EACH_CAUSE) as registry:
        repository = Repository(registry)
        repository.push_image(LAYER, "1")
        for fault, readable, ready in FAULTS:
            with fault(cluster, database), asking(repository) as refused:
                pulled = [repository.pull_manifest("1").status for _ in range(2)]
                assert pulled == [200 if readable else 503] * 2, fault
                assert registry.ask("GET", "/readyz").status == (200 if ready else 503), fault
                assert registry.ask("GET", "/healthz").status == 200, fault
            assert refused == [BUSY] * CLIENTS, fault
            assert_well(registry)

    assert_told_once(
        registry,
        "canceling statement due to statement timeout (57014)",
        "cannot execute INSERT in a read-only transaction (25006)",
        "the database did not answer in time",
        "cannot connect to PostgreSQL",
    )
    # What was asked, and with which values, is not for the log.
    assert not any("INSERT INTO" in line or "parameters" in line for line in registry.said)


@contextmanager
def holding(cluster: PostgresCluster, database: str, statement: str) -> Iterator[None]:
    """A transaction that has run `statement` and does not end while the block runs."""
    with asyncio.Runner() as runner:
        connection = runner.run(connected(cluster.url(database)))
        try:
            runner.run(connection.execute("BEGIN"))
            runner.run(connection.execute(statement))
            yield
        finally:
            runner.run(connection.close())


def set_for_all(cluster: PostgresCluster, statement: str) -> None:
    """Change a setting of the server, also for those who are connected."""
    with asyncio.Runner() as runner:
        connection = runner.run(connected(cluster.url("postgres")))
        try:
            runner.run(connection.execute(statement))
            runner.run(connection.execute("SELECT pg_reload_conf()"))
        finally:
            runner.run(connection.close())


async def connected(url: str) -> asyncpg.Connection:
    """A connection that may write, whatever is the default."""
    return await asyncpg.connect(url, server_settings={"default_transaction_read_only": "off"})
