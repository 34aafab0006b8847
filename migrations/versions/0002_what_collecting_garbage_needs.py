"""What collecting garbage needs: leases on manifests, and ways to find ended tags and the rows of stored objects."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "manifest_lease",
        sa.Column("manifest_id", _ROW_ID, nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["manifest_id"], ["manifest.id"], name="fk_manifest_lease_manifest_id_manifest", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("manifest_id", name="pk_manifest_lease"),
    )
    op.create_index(
        "ix_tag_ended_digest",
        "tag",
        ["repository_id", "algorithm", "digest", "valid_until"],
        unique=False,
        sqlite_where=sa.text("valid_until IS NOT NULL"),
        postgresql_where=sa.text("valid_until IS NOT NULL"),
    )
    op.create_index("ix_blob_key", "blob", ["key"], unique=False)
