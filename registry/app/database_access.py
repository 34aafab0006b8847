"""The metadata database as the configuration says."""

from __future__ import annotations

from registry.config.database_checks import SSL_PARAMETERS
from registry.config.database_schema import Database as DatabaseTable
from registry.metadata.connecting import Connecting
from registry.metadata.database import Database, open_database


async def open_configured(table: DatabaseTable) -> Database:
    """Open the database of `[database]`, on the running event loop; the caller closes it.

    Raises:
        SchemaMismatch, DatabaseUnavailable: as `registry.metadata.database.open_database`.
    """
    return await open_database(url_of(table), connecting_of(table))


def url_of(table: DatabaseTable) -> str:
    """Where the database is, with what `[database.tls]` says about the way there."""
    chosen = {SSL_PARAMETERS[name]: getattr(table.tls, name) for name in SSL_PARAMETERS}
    return str(table.url.with_parameters({name: str(value) for name, value in chosen.items() if value is not None}))


def connecting_of(table: DatabaseTable) -> Connecting:
    """How each process connects to it."""
    return Connecting(
        kept=table.pool_min,
        most=table.pool_max,
        through_pgbouncer=table.pgbouncer,
        connect_timeout_s=table.connect_timeout_s,
        statement_timeout_s=table.statement_timeout_s,
        lock_timeout_s=table.lock_timeout_s,
    )
