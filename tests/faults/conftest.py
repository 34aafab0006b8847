"""The databases, stores and workers that the registry's own tests use."""

from tests.registry.conftest import (
    database_url,
    migrated_postgresql_database,
    migrated_sqlite_file,
    open_worker,
    postgresql_cluster,
    postgresql_url,
    services,
    sqlite_url,
    storage_root,
)

__all__ = [
    "database_url",
    "migrated_postgresql_database",
    "migrated_sqlite_file",
    "open_worker",
    "postgresql_cluster",
    "postgresql_url",
    "services",
    "sqlite_url",
    "storage_root",
]
