"""When each blob's stored bytes were last read and found to have its digest."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("blob", sa.Column("verified_at", sa.BigInteger(), nullable=True))
