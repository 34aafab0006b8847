"""Readiness: both parts are really asked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from registry.services import readiness
from registry.services.context import Services
from tests.registry.assembly import ON_SQLITE, open_services
from tests.registry.full_disk import filled, small_disk


async def test_both_parts_answer(services: Services) -> None:
    assert await readiness.check(services) == {"database": "ok", "storage": "ok"}


async def test_a_storage_that_is_gone_is_told(tmp_path: Path, sqlite_url: str) -> None:
    async with open_services(tmp_path / "storage", sqlite_url) as services:
        shutil.rmtree(tmp_path / "storage")

        assert await readiness.check(services) == {"database": "ok", "storage": "StorageUnavailable"}


@pytest.mark.root
async def test_a_storage_that_is_full_is_told(tmp_path: Path, sqlite_url: str) -> None:
    with small_disk(tmp_path / "disk") as disk:
        async with open_services(disk / "storage", sqlite_url) as services:
            with filled(disk):
                assert await readiness.check(services) == {"database": "ok", "storage": "StorageFull"}

            assert await readiness.check(services) == {"database": "ok", "storage": "ok"}


@ON_SQLITE
async def test_a_database_that_is_closed_is_told(services: Services) -> None:
    await services.database.close()

    assert await readiness.check(services) == {"database": "DatabaseUnavailable", "storage": "ok"}
