"""The database and the storage are of one installation: looked at before anything is served."""

from __future__ import annotations

import asyncio

from registry.app.database_access import open_configured
from registry.app.processes import told
from registry.app.refusals import PartsUnpaired
from registry.app.stores import open_store
from registry.config import Config
from registry.errors import RegistryError
from registry.metadata.revision import SchemaMismatch
from registry.services import installation
from registry.services.installation import InstallationMismatch
from storage_backends.errors import StorageError
from storage_backends.holding import NoHolds


def require_pair(config: Config) -> None:
    """Return when the database and the storage of `config` belong together; the first start lets them do so.

    Raises:
        PartsUnpaired: they do not, or cannot be asked.
    """
    try:
        asyncio.run(_require_pair(config))
    except (InstallationMismatch, RegistryError, SchemaMismatch, StorageError) as error:
        raise PartsUnpaired(told(error)) from error


async def _require_pair(config: Config) -> None:
    async with await open_configured(config.database) as database:
        store = await asyncio.to_thread(open_store, config.storage, NoHolds())
        try:
            await installation.require_pair(database, store)
        finally:
            await store.close()
