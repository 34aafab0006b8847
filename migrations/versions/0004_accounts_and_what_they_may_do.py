"""Accounts, credentials, organisations, teams and grants; the audit log; what a repository's owner says about it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BYTE_ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    for column in ("action", "actor", "at", "outcome", "target"):
        op.create_index(f"ix_audit_{column}", "audit", [column, "id"], unique=False)
    op.create_table(
        "audit_chain",
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_audit_chain"),
    )
    op.create_table(
        "login_failure",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_login_failure"),
    )
    op.create_index("ix_login_failure_expires_at", "login_failure", ["expires_at"], unique=False)
    op.create_table(
        "account",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("name", _BYTE_ORDERED, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("namespace_id", _ROW_ID, nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("is_disabled", sa.Boolean(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("last_login_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["namespace_id"], ["namespace.id"], name="fk_account_namespace_id_namespace", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("name", name="uq_account_name"),
        sa.UniqueConstraint("source", "external_id", name="uq_account_source_external_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_account_namespace_id", "account", ["namespace_id"], unique=False)
    op.create_table(
        "team",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("namespace_id", _ROW_ID, nullable=False),
        sa.Column("name", _BYTE_ORDERED, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace_id"], ["namespace.id"], name="fk_team_namespace_id_namespace", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_team"),
        sa.UniqueConstraint("namespace_id", "name", name="uq_team_namespace_id_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "credential",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("account_id", _ROW_ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_from", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_credential_account_id_account", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_credential"),
        sa.UniqueConstraint("hash", name="uq_credential_hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_credential_account_id", "credential", ["account_id"], unique=False)
    op.create_index("ix_credential_expires_at", "credential", ["expires_at"], unique=False)
    op.create_table(
        "federation",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("account_id", _ROW_ID, nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("claims", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_federation_account_id_account", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_federation"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_federation_account_id", "federation", ["account_id"], unique=False)
    op.create_index("ix_federation_issuer", "federation", ["issuer"], unique=False)
    op.create_table(
        "member",
        sa.Column("namespace_id", _ROW_ID, nullable=False),
        sa.Column("account_id", _ROW_ID, nullable=False),
        sa.Column("is_owner", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_member_account_id_account", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["namespace_id"], ["namespace.id"], name="fk_member_namespace_id_namespace", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("namespace_id", "account_id", name="pk_member"),
    )
    op.create_index("ix_member_account_id", "member", ["account_id"], unique=False)
    op.create_table(
        "role_grant",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("account_id", _ROW_ID, nullable=True),
        sa.Column("team_id", _ROW_ID, nullable=True),
        sa.Column("pattern", _BYTE_ORDERED, nullable=False),
        sa.Column("bucket", _BYTE_ORDERED, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_role_grant_account_id_account", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name="fk_role_grant_team_id_team", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_role_grant"),
        sa.UniqueConstraint("account_id", "bucket", "pattern", name="uq_role_grant_account_id_bucket_pattern"),
        sa.UniqueConstraint("team_id", "bucket", "pattern", name="uq_role_grant_team_id_bucket_pattern"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_role_grant_bucket", "role_grant", ["bucket"], unique=False)
    op.create_table(
        "tag_protection",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("repository_id", _ROW_ID, nullable=False),
        sa.Column("pattern", _BYTE_ORDERED, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repository.id"], name="fk_tag_protection_repository_id_repository", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tag_protection"),
        sa.UniqueConstraint("repository_id", "pattern", name="uq_tag_protection_repository_id_pattern"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "tag_pulls",
        sa.Column("repository_id", _ROW_ID, nullable=False),
        sa.Column("name", _BYTE_ORDERED, nullable=False),
        sa.Column("pulls", sa.BigInteger(), nullable=False),
        sa.Column("pulled_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repository.id"], name="fk_tag_pulls_repository_id_repository", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("repository_id", "name", name="pk_tag_pulls"),
    )
    op.create_table(
        "team_member",
        sa.Column("team_id", _ROW_ID, nullable=False),
        sa.Column("account_id", _ROW_ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_team_member_account_id_account", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name="fk_team_member_team_id_team", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("team_id", "account_id", name="pk_team_member"),
    )
    op.create_index("ix_team_member_account_id", "team_member", ["account_id"], unique=False)
    op.add_column("namespace", sa.Column("kind", sa.Text(), server_default="organisation", nullable=False))
    op.add_column("repository", sa.Column("visibility", sa.Text(), server_default="private", nullable=False))
    op.add_column("repository", sa.Column("description", sa.Text(), server_default="", nullable=False))
    op.add_column("repository", sa.Column("pulls", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("repository", sa.Column("pulled_at", sa.BigInteger(), nullable=True))
