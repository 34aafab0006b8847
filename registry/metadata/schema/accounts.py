"""The tables of who may do what: people and robots, their credentials, organisations, teams and grants."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, Table, Text, UniqueConstraint

from registry.metadata.column_types import ByteOrdered, RowId, UtcTime
from registry.metadata.schema.naming import metadata

# People and robots. `generation` grows when everything that a password proved before has to fall.
account = Table(
    "account",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("name", ByteOrdered, nullable=False),
    Column("kind", Text, nullable=False),
    # The organisation or user whose robot it is.
    Column("namespace_id", RowId, ForeignKey("namespace.id", ondelete="CASCADE"), index=True),
    Column("source", Text, nullable=False),
    Column("external_id", Text),
    Column("password_hash", Text),
    Column("is_admin", Boolean, nullable=False),
    Column("is_disabled", Boolean, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("expires_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("last_login_at", UtcTime),
    UniqueConstraint("name"),
    UniqueConstraint("source", "external_id"),
    sqlite_autoincrement=True,
)

# Personal access tokens, robots' tokens, and the refresh tokens of clients that stay logged in.
credential = Table(
    "credential",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("account_id", RowId, ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    # SHA-256 of the secret: it is random enough to need no slow hash.
    Column("hash", LargeBinary, nullable=False),
    Column("scope", Text, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", UtcTime, index=True),
    Column("revoked_at", UtcTime),
    Column("last_used_at", UtcTime),
    Column("last_used_from", Text),
    UniqueConstraint("hash"),
    sqlite_autoincrement=True,
)

# Which workload may act as a robot: a token of `issuer` for `audience` with these claims.
federation = Table(
    "federation",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("account_id", RowId, ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("issuer", Text, nullable=False, index=True),
    Column("audience", Text, nullable=False),
    Column("claims", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    sqlite_autoincrement=True,
)

member = Table(
    "member",
    metadata,
    Column("namespace_id", RowId, ForeignKey("namespace.id", ondelete="CASCADE"), primary_key=True),
    Column("account_id", RowId, ForeignKey("account.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("is_owner", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

team = Table(
    "team",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("namespace_id", RowId, ForeignKey("namespace.id", ondelete="CASCADE"), nullable=False),
    Column("name", ByteOrdered, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("namespace_id", "name"),
    sqlite_autoincrement=True,
)

team_member = Table(
    "team_member",
    metadata,
    Column("team_id", RowId, ForeignKey("team.id", ondelete="CASCADE"), primary_key=True),
    Column("account_id", RowId, ForeignKey("account.id", ondelete="CASCADE"), primary_key=True, index=True),
)

# A role for an account or a team (exactly one of them) on the repositories that a pattern fits. `bucket` is what a
# check looks up by equality: the pattern itself if it is a name, else its namespace and a slash, else nothing.
role_grant = Table(
    "role_grant",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("account_id", RowId, ForeignKey("account.id", ondelete="CASCADE")),
    Column("team_id", RowId, ForeignKey("team.id", ondelete="CASCADE")),
    Column("pattern", ByteOrdered, nullable=False),
    Column("bucket", ByteOrdered, nullable=False, index=True),
    Column("role", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    UniqueConstraint("account_id", "bucket", "pattern"),
    UniqueConstraint("team_id", "bucket", "pattern"),
    sqlite_autoincrement=True,
)

# Failed logins by account and by address, shared by all workers.
login_failure = Table(
    "login_failure",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    # When the next attempt is looked at.
    Column("until", UtcTime),
    Column("expires_at", UtcTime, nullable=False, index=True),
)
