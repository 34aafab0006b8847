"""The tables of what runs the registry: which installation it is, and which nodes there are."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, Table, Text

from registry.metadata.column_types import UtcTime
from registry.metadata.schema.naming import metadata

# One row: the database and the storage that belong together bear the same name.
installation = Table(
    "installation",
    metadata,
    Column("position", Text, primary_key=True),
    Column("identity", Text, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    # Whether the storage has been given it.
    Column("in_storage", Boolean, nullable=False),
)

# The nodes that serve, or have a short while ago.
node = Table(
    "node",
    metadata,
    Column("name", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("url", Text),
    Column("workers", Integer, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False, index=True),
)
