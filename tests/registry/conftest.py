"""Metadata databases for tests: each new, migrated, and gone afterwards; on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from registry.metadata import migrate
from registry.metadata.database import Database, open_database
from tests.postgresql import PostgresCluster, running_cluster


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
