"""The tables of the audit log."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text

from registry.metadata.column_types import RowId, UtcTime
from registry.metadata.schema.naming import metadata

# What was done by whom; `hash` is over the entry and the hash before it, so that a missing or altered entry shows. Ids
# are given without a gap, and times never go back from one id to the next.
audit = Table(
    "audit",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("credential", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

for _column in (audit.c.action, audit.c.actor, audit.c.at, audit.c.outcome, audit.c.target):
    Index(f"ix_audit_{_column.name}", _column, audit.c.id)

# Where the chain begins (`start`: what retention removed is summed up in its hash) and where it ends (`head`).
audit_chain = Table(
    "audit_chain",
    metadata,
    Column("position", Text, primary_key=True),
    Column("entry", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("at", UtcTime, nullable=False),
)
