"""A database as somebody else's program sees it: plain SQL over the driver, nothing of ours between."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import asyncpg

from registry.metadata.sqlite_connections import database_file


async def execute(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run the statements in one transaction and give the rows of the last."""
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(database_file(url))) as connection, connection:
            connection.execute("PRAGMA foreign_keys = ON")
            return [connection.execute(statement).fetchall() for statement in statements][-1]
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            return [[tuple(row) for row in await connection.fetch(statement)] for statement in statements][-1]
    finally:
        await connection.close()
