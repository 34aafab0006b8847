"""Metadata databases for tests, on SQLite and on PostgreSQL, and services over them and real stores.

Each is new, and gone afterwards.
"""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from registry.metadata import migrate
from registry.metadata.database import Database, open_database
from registry.observability.lean_structlog import structlog
from registry.services.context import Services
from tests.pgbouncer import PgBouncer, running_pgbouncer
from tests.postgresql import PostgresCluster, running_cluster
from tests.registry.assembly import OpenWorker, open_services


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to be copied; migrating one anew takes longer than most tests."""
    path = tmp_path_factory.mktemp("sqlite") / "registry.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated_sqlite_file: Path) -> str:
    path = tmp_path / "registry.db"
    shutil.copyfile(migrated_sqlite_file, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[PostgresCluster]:
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def pgbouncer(postgresql_cluster: PostgresCluster) -> Iterator[PgBouncer]:
    with running_pgbouncer(postgresql_cluster) as started:
        yield started


@pytest.fixture(scope="session")
def migrated_postgresql_database(postgresql_cluster: PostgresCluster) -> str:
    """A migrated database to be copied."""
    database = postgresql_cluster.create()
    migrate.upgrade(postgresql_cluster.url(database))
    return database


@pytest.fixture
def postgresql_url(postgresql_cluster: PostgresCluster, migrated_postgresql_database: str) -> Iterator[str]:
    database = postgresql_cluster.create(migrated_postgresql_database)
    yield postgresql_cluster.url(database)
    postgresql_cluster.drop(database)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tool("postgres"))])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated database of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tool("postgres"))])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of each kind that has no tables yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    cluster: PostgresCluster = request.getfixturevalue("postgresql_cluster")
    database = cluster.create()
    yield cluster.url(database)
    cluster.drop(database)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open, migrated database of each kind."""
    async with await open_database(database_url) as database:
        yield database


@pytest.fixture
def storage_root(tmp_path: Path) -> Path:
    """Where a store keeps its files; there are none yet."""
    return tmp_path / "storage"


@pytest.fixture
async def open_worker(storage_root: Path, database_url: str) -> AsyncIterator[OpenWorker]:
    """Opens the services of one worker after another, all of the same registry; settings are `Settings`' fields."""
    async with AsyncExitStack() as workers:

        async def open_one(**choices: Any) -> Services:
            return await workers.enter_async_context(open_services(storage_root, database_url, **choices))

        yield open_one


@pytest.fixture
async def services(open_worker: OpenWorker) -> Services:
    """The services of one worker of an empty registry, on databases of both kinds."""
    return await open_worker()


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Undo what a test's `configure` does to the whole process; its stream is closed with the test."""
    handlers, level = logging.root.handlers[:], logging.root.level
    with warnings.catch_warnings():
        yield
    logging.captureWarnings(capture=False)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()
