"""Indexes for lists of very many repositories; descriptions in a table of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "repository_description",
        sa.Column("repository_id", _ROW_ID, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
            name="fk_repository_description_repository_id_repository",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("repository_id", name="pk_repository_description"),
    )
    op.execute(
        "INSERT INTO repository_description (repository_id, text) "
        "SELECT id, description FROM repository WHERE description <> ''"
    )
    # The column stays for processes of the version before, which read it until they end.
    op.execute("UPDATE repository SET description = '' WHERE description <> ''")
    op.create_index("ix_repository_namespace_name", "repository", ["namespace_id", "name"], unique=False)
    op.drop_index("ix_repository_namespace_id", table_name="repository")
    op.create_index("ix_repository_created", "repository", ["created_at", "name"], unique=False)
    op.create_index("ix_repository_updated", "repository", ["updated_at", "name"], unique=False)
    op.create_index("ix_repository_pulls", "repository", ["pulls", "name"], unique=False)
    op.create_index("ix_repository_most_pulls", "repository", [sa.text("pulls DESC"), "name"], unique=False)
    op.create_index(
        "ix_repository_public",
        "repository",
        ["name"],
        unique=False,
        sqlite_where=sa.text("visibility = 'public'"),
        postgresql_where=sa.text("visibility = 'public'"),
    )
