"""Services on real stores and databases, as many side by side as a test wants: each is what one worker process has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from oci_spec.reference import RepositoryName
from registry import limits
from registry.auth.access import Access
from registry.auth.key_material import Algorithm, Vault
from registry.auth.permission import Permission
from registry.auth.policy import OpenPolicy, Policy
from registry.auth.signing_keys import SigningKeys
from registry.auth.subject import ANONYMOUS, Subject
from registry.config.values import Network
from registry.egress.client import Client
from registry.metadata.database import Database, open_database
from registry.metadata.visible import Visible
from registry.services.context import Services, Settings
from registry.services.pull_times import PullTimes
from registry.services.server_secrets import ServerSecrets
from registry.services.upload_holds import DatabaseUploadHolds
from storage_backends.contract import BlobStore
from storage_backends.filesystem.store import FilesystemBlobStore
from storage_backends.s3.settings import S3Settings
from storage_backends.s3.store import S3BlobStore

_POOL_SIZE = 4

OpenWorker = Callable[..., Awaitable[Services]]

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For tests that would learn nothing more from the other database, on which all statements are tested by themselves."""


@asynccontextmanager
async def open_services(
    place: Path | S3Settings,
    database_url: str,
    *,
    policy: Policy | None = None,
    allowed: Sequence[Network] = (),
    **settings: Any,
) -> AsyncIterator[Services]:
    """The services of one worker over the files or objects in `place` and a migrated database.

    They connect to `allowed`.
    """
    async with await open_database(database_url) as database:
        store = _store(place, database)
        egress = Client(allowed)
        try:
            services = Services(
                database=database,
                store=store,
                policy=policy or OpenPolicy(),
                secrets=await ServerSecrets.open(database),
                open_signing_keys=lambda: SigningKeys(database, Vault(), Algorithm.ES256, limits.TOKEN_LIFETIME_S),
                pulls=PullTimes(),
                settings=Settings(**settings),
                egress=egress,
            )
            try:
                yield services
            finally:
                await services.close()
        finally:
            await egress.close()
            await store.close()


def _store(place: Path | S3Settings, database: Database) -> BlobStore:
    if isinstance(place, Path):
        return FilesystemBlobStore(place, _POOL_SIZE)
    return S3BlobStore(place, DatabaseUploadHolds(database))


def access_to(repository: str, subject: Subject = ANONYMOUS) -> Access:
    """What a route hands on once the policy has granted `subject` its permission."""
    return Access(subject, RepositoryName.parse(repository), may_make_namespace=True)


class Rules:
    """A policy that allows exactly the given permissions on the given repositories, to whoever asks."""

    def __init__(self, *allowed: tuple[Permission, str]) -> None:
        self.allowed = {(permission, RepositoryName.parse(name)) for permission, name in allowed}

    async def allows(self, subject: Subject, permission: Permission, repository: RepositoryName | None) -> bool:
        return (permission, repository) in self.allowed

    async def owns(self, subject: Subject, namespace: str) -> bool:
        return False

    async def makes_namespaces(self, subject: Subject) -> bool:
        return True

    async def visible(self, subject: Subject) -> Visible:
        return Visible(
            everything=True,
            within=tuple(str(name) for permission, name in self.allowed if permission is Permission.CATALOG),
        )
