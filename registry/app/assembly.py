"""The parts of one process, opened in the order in which they need each other and closed in the reverse one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from registry.app.database_access import open_configured
from registry.app.measured_database import MeasuredDatabase
from registry.app.measured_store import MeasuredStore
from registry.app.rules_in_force import policy_of
from registry.app.stores import open_store
from registry.config import Config
from registry.config.schema import Auth
from registry.egress.client import Client
from registry.metadata.database import Database
from registry.metadata.rows import Visibility
from registry.observability.metrics import Metrics
from registry.services.context import Services, Settings
from registry.services.pull_times import PullTimes
from registry.services.refusals import Refusals
from registry.services.server_secrets import ServerSecrets
from registry.services.upload_holds import DatabaseUploadHolds

if TYPE_CHECKING:
    from registry.auth.signing_keys import SigningKeys


@asynccontextmanager
async def open_services(config: Config, metrics: Metrics | None = None) -> AsyncIterator[Services]:
    """The services of `config`, for the running event loop, until the block ends; timed where there are `metrics`.

    Raises:
        SchemaMismatch: the database has no tables yet, or those of another version.
        KeyFileInvalid: `auth.key_file` names no file with a key.
        DatabaseUnavailable, StorageError: a part cannot be reached.
    """
    async with await open_configured(config.database) as opened:
        store = await asyncio.to_thread(open_store, config.storage, DatabaseUploadHolds(opened))
        database: Database = opened
        if metrics is not None:
            database = MeasuredDatabase(opened, config.database.url.dialect, metrics.database_duration)
            store = MeasuredStore(store, config.storage.backend, metrics)
        egress = Client(config.egress.allow)
        try:
            services = Services(
                database=database,
                store=store,
                policy=policy_of(config.auth, database),
                secrets=await ServerSecrets.open(database),
                open_signing_keys=partial(_signing_keys, config.auth, database),
                pulls=PullTimes(),
                settings=settings_of(config),
                egress=egress,
                refusals=Refusals(metrics.audit_dropped.inc if metrics is not None else None),
            )
            if config.auth.mode == "token" or config.auth.key_file is not None:
                # A key file that is none is to be told of now.
                await asyncio.to_thread(lambda: services.signing_keys)
            try:
                yield services
            finally:
                await services.close()
        finally:
            await egress.close()
            await store.close()


def settings_of(config: Config) -> Settings:
    """What `config` says to the services."""
    return Settings(
        sparse_manifests=config.manifests.sparse == "allow",
        upload_expire_s=config.uploads.expire_s,
        event_retention_s=config.events.retention_s,
        audit_retention_s=config.audit.retention_s,
        gc_grace_s=config.gc.grace_s,
        gc_interval_s=config.gc.interval_s,
        keep_untagged=config.gc.untagged == "keep",
        manifest_bytes=config.limits.manifest_bytes,
        blob_bytes=config.limits.blob_bytes,
        page_entries=config.limits.page_entries,
        default_visibility=_default_visibility(config.auth),
    )


def _default_visibility(auth: Auth) -> Visibility:
    # Whoever turns accounts on decides then what is for everyone; until then nobody could say that of what they push.
    return Visibility.PRIVATE if auth.mode == "none" else Visibility(auth.default_visibility)


def _signing_keys(auth: Auth, database: Database) -> SigningKeys:
    from registry.auth.key_material import Algorithm, Vault
    from registry.auth.signing_keys import SigningKeys

    vault = Vault() if auth.key_file is None else Vault.of_file(auth.key_file)
    return SigningKeys(database, vault, Algorithm(auth.algorithm), auth.token_lifetime_s)
