"""A deployment looked at: its parts opened, whatever that brings to light, and every check made."""

from __future__ import annotations

import asyncio
import ssl
from functools import partial
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from registry.app.database_access import open_configured
from registry.app.stores import open_store
from registry.config import Config
from registry.errors import RegistryError
from registry.metadata.database import Database
from registry.metadata.revision import SchemaMismatch
from registry.services import doctor
from registry.services.doctor import Finding, Parts
from registry.services.upload_holds import DatabaseUploadHolds
from storage_backends.errors import StorageError

_FETCH_S: Final = 30


async def examine(config: Config) -> list[Finding]:
    """All that is found; of parts that cannot be opened, that and nothing else."""
    try:
        database = await open_configured(config.database)
    except (RegistryError, SchemaMismatch) as error:
        return [doctor.not_opened("database", error)]
    async with database:
        return await _examine(config, database)


async def _examine(config: Config, database: Database) -> list[Finding]:
    try:
        store = await asyncio.to_thread(open_store, config.storage, DatabaseUploadHolds(database))
    except StorageError as error:
        return [doctor.not_opened("storage", error)]
    try:
        # A little more than one part of S3's, so that there are two.
        parts = Parts(database, store, config.storage.s3.part_bytes + 1, partial(_fetch, config.storage.s3.ca_bundle))
        return await doctor.examine(parts)
    finally:
        await store.close()


async def _fetch(ca_bundle: Path | None, url: str) -> bytes:
    return await asyncio.to_thread(_read, ca_bundle, url)


def _read(ca_bundle: Path | None, url: str) -> bytes:
    # Not by way of `registry.egress`, as the storage itself is not: it may well be private.
    context = ssl.create_default_context(cafile=ca_bundle)
    with urlopen(url, timeout=_FETCH_S, context=context) as response:  # noqa: S310 -- one that the store made
        content: bytes = response.read()
    return content
