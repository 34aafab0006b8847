"""SQLAlchemy's engine over asyncpg, for transactions on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine

from registry.metadata.postgresql_rows import connect

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncEngine

    from registry.metadata.connecting import Connecting

_CONNECTION_WAIT_S = 10


def engine_of(url: str, connecting: Connecting) -> AsyncEngine:
    """An engine for the database at `url`, with a pool of its own; nothing is sent before the first question."""
    kept, most = connecting.for_transactions
    engine = create_async_engine(
        "postgresql+asyncpg://",
        connect_args={"async_creator_fn": lambda **_: connect(url, connecting), **_preparing(connecting)},
        pool_size=kept,
        max_overflow=most - kept,
        pool_timeout=_CONNECTION_WAIT_S,
    )
    if first := connecting.first_statements:

        @event.listens_for(engine.sync_engine, "begin")
        def begin(connection: Connection) -> None:
            for statement in first:
                connection.exec_driver_sql(statement)

    return engine


def _preparing(connecting: Connecting) -> dict[str, Any]:
    """How statements are prepared: for as long as a connection lives, or nameless, for one use."""
    if not connecting.through_pgbouncer:
        return {}
    return {"prepared_statement_cache_size": 0, "prepared_statement_name_func": lambda: ""}
