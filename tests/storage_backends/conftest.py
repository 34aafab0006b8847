"""Who holds uploads in S3."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from registry.metadata import migrate
from registry.metadata.database import open_database
from registry.services.upload_holds import DatabaseUploadHolds
from storage_backends.holding import UploadHolds


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "registry.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
async def holds(tmp_path: Path, migrated_sqlite_file: Path) -> AsyncIterator[UploadHolds]:
    """The holds of one process; what another one has is a second object on the same file."""
    path = tmp_path / "registry.db"
    shutil.copyfile(migrated_sqlite_file, path)
    async with await open_database(f"sqlite:///{path}") as database:
        yield DatabaseUploadHolds(database)
