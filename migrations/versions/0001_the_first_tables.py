"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Written out here and not taken from the program: a revision that has landed keeps its meaning for ever.
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BYTE_ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "blob",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("algorithm", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_blob"),
        sa.UniqueConstraint("algorithm", "digest", name="uq_blob_algorithm_digest"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "job_lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_job_lease"),
    )
    op.create_table(
        "namespace",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("name", _BYTE_ORDERED, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_namespace"),
        sa.UniqueConstraint("name", name="uq_namespace_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "outbox",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("indexed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_outbox_indexed",
        "outbox",
        ["created_at"],
        unique=False,
        sqlite_where=sa.text("indexed_at IS NOT NULL"),
        postgresql_where=sa.text("indexed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_outbox_pending",
        "outbox",
        ["id"],
        unique=False,
        sqlite_where=sa.text("indexed_at IS NULL"),
        postgresql_where=sa.text("indexed_at IS NULL"),
    )

    op.create_table(
        "secret",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("material", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_secret"),
        sa.UniqueConstraint("key_id", name="uq_secret_key_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_secret_active",
        "secret",
        ["purpose"],
        unique=True,
        sqlite_where=sa.text("retired_at IS NULL"),
        postgresql_where=sa.text("retired_at IS NULL"),
    )

    op.create_table(
        "upload",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("repository", _BYTE_ORDERED, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.String(length=16), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("hash_state", sa.LargeBinary(), nullable=False),
        sa.Column("backend_state", sa.LargeBinary(), nullable=False),
        sa.Column("tail", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_upload"),
    )
    op.create_index("ix_upload_expires_at", "upload", ["expires_at"], unique=False)
    op.create_index("ix_upload_repository", "upload", ["repository"], unique=False)

    op.create_table(
        "repository",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("namespace_id", _ROW_ID, nullable=False),
        sa.Column("name", _BYTE_ORDERED, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["namespace_id"], ["namespace.id"], name="fk_repository_namespace_id_namespace"),
        sa.PrimaryKeyConstraint("id", name="pk_repository"),
        sa.UniqueConstraint("name", name="uq_repository_name"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_repository_namespace_id", "repository", ["namespace_id"], unique=False)

    op.create_table(
        "link",
        sa.Column("repository_id", _ROW_ID, nullable=False),
        sa.Column("blob_id", _ROW_ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name="fk_link_blob_id_blob"),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repository.id"], name="fk_link_repository_id_repository", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("repository_id", "blob_id", name="pk_link"),
    )
    op.create_index("ix_link_blob_id", "link", ["blob_id"], unique=False)

    op.create_table(
        "manifest",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("repository_id", _ROW_ID, nullable=False),
        sa.Column("algorithm", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("artifact_type", sa.Text(), nullable=True),
        sa.Column("config_media_type", sa.Text(), nullable=True),
        sa.Column("subject_algorithm", sa.String(length=16), nullable=True),
        sa.Column("subject_digest", sa.LargeBinary(), nullable=True),
        sa.Column("annotations", sa.Text(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("pushed_at", sa.BigInteger(), nullable=False),
        sa.Column("pushed_by", sa.Text(), nullable=False),
        sa.Column("pulled_at", sa.BigInteger(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repository.id"], name="fk_manifest_repository_id_repository", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_manifest"),
        sa.UniqueConstraint("repository_id", "algorithm", "digest", name="uq_manifest_repository_id_algorithm_digest"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_manifest_referrers",
        "manifest",
        ["repository_id", "subject_algorithm", "subject_digest", "algorithm", "digest"],
        unique=False,
        sqlite_where=sa.text("subject_digest IS NOT NULL"),
        postgresql_where=sa.text("subject_digest IS NOT NULL"),
    )

    op.create_table(
        "tag",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("repository_id", _ROW_ID, nullable=False),
        sa.Column("name", _BYTE_ORDERED, nullable=False),
        sa.Column("algorithm", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("pulled_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repository.id"], name="fk_tag_repository_id_repository", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tag"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_tag_current_digest",
        "tag",
        ["repository_id", "algorithm", "digest"],
        unique=False,
        sqlite_where=sa.text("valid_until IS NULL"),
        postgresql_where=sa.text("valid_until IS NULL"),
    )
    op.create_index("ix_tag_history", "tag", ["repository_id", "name", "id"], unique=False)
    op.create_index(
        "uq_tag_current",
        "tag",
        ["repository_id", "name"],
        unique=True,
        sqlite_where=sa.text("valid_until IS NULL"),
        postgresql_where=sa.text("valid_until IS NULL"),
    )

    op.create_table(
        "manifest_reference",
        sa.Column("manifest_id", _ROW_ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("repository_id", _ROW_ID, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=True),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["manifest_id"], ["manifest.id"], name="fk_manifest_reference_manifest_id_manifest", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("manifest_id", "position", name="pk_manifest_reference"),
    )
    op.create_index(
        "ix_manifest_reference_target", "manifest_reference", ["repository_id", "algorithm", "digest"], unique=False
    )
