"""Who holds uploads in S3, and the servers that they go to."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from registry.metadata import migrate
from registry.metadata.database import open_database
from registry.services.upload_holds import DatabaseUploadHolds
from storage_backends.holding import UploadHolds
from tests.requirements import require_root
from tests.rgw import running_rgw
from tests.s3 import S3Server

PROGRAMS = {"versitygw": "versitygw", "minio": "minio", "rgw": "radosgw"}
# `make test-rgw` chooses another.
SERVERS = os.environ.get("S3_SERVERS", "versitygw minio").split()


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


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.tool(PROGRAMS[name])) for name in SERVERS])
def server(request: pytest.FixtureRequest) -> S3Server:
    """Each S3 server of the test run in turn."""
    server: S3Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture(scope="session")
def rgw() -> Iterator[S3Server]:
    """Ceph's S3 server, which is only run when it is asked for."""
    require_root()
    with running_rgw() as server:
        yield server
