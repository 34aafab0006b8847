"""What a search finds repositories by: the pieces of their names and descriptions."""

import re
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BYTE_ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BATCH = 1000
_OPENING = 512
_WORD = re.compile(r"[^\W_]+")


def upgrade() -> None:
    grams = op.create_table(
        "search_gram",
        sa.Column("gram", _BYTE_ORDERED, nullable=False),
        sa.Column("repository_id", _ROW_ID, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("gram", "repository_id", name="pk_search_gram"),
        sqlite_with_rowid=False,
    )
    op.add_column("repository_description", sa.Column("searched", sa.Text(), server_default="", nullable=False))
    for rows in _batches():
        op.bulk_insert(
            grams,
            [
                {"gram": gram, "repository_id": row_id}
                for row_id, name, text in rows
                for gram in sorted(_grams(f"{name} {_searched(text)}"))
            ],
        )
        op.get_bind().execute(
            sa.text("UPDATE repository_description SET searched = :searched WHERE repository_id = :row_id"),
            [{"row_id": row_id, "searched": _searched(text)} for row_id, _, text in rows],
        )


def _batches() -> Iterator[list[tuple[int, str, str]]]:
    """All repositories with their descriptions."""
    query = sa.text(
        "SELECT id, name, coalesce(text, '') FROM repository "
        "LEFT JOIN repository_description ON repository_id = id WHERE id > :last ORDER BY id LIMIT :batch"
    )
    last = 0
    while rows := [tuple(row) for row in op.get_bind().execute(query, {"last": last, "batch": _BATCH})]:
        yield rows
        last = rows[-1][0]


def _searched(text: str) -> str:
    return text[:_OPENING].lower()


def _grams(text: str) -> set[str]:
    words = set(_WORD.findall(text))
    beginnings = {word[:size] for word in words for size in (1, 2)}
    return beginnings | {word[start : start + 3] for word in words for start in range(len(word) - 2)}
