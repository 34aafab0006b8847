"""The turns of SQL that several aggregates share and that mean the same on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, or_
from sqlalchemy.dialects import postgresql, sqlite

from oci_spec.digest import Digest
from registry.metadata.rows import Direction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, FromClause, Select, Table

    from registry.metadata.rows import Position

# Marks the connection of a `read`: PostgreSQL refuses row locks there, and nothing needs them.
READ_ONLY_OPTION = "moorage_read_only"

_DIGESTS_PER_QUERY = 500


def insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Begin an INSERT that knows `ON CONFLICT` in the dialect of `connection`."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def has_digest(table: FromClause, digest: Digest) -> ColumnElement[bool]:
    """Say that a row of `table` is about `digest`."""
    return and_(table.c.algorithm == digest.algorithm, table.c.digest == digest.raw)


def some_digests(table: FromClause, digests: Iterable[Digest]) -> Iterator[ColumnElement[bool]]:
    """Say that a row of `table` is about one of `digests`, in as many conditions as the bound on parameters needs."""
    raw_by_algorithm: dict[str, list[bytes]] = {}
    for digest in set(digests):
        raw_by_algorithm.setdefault(digest.algorithm, []).append(digest.raw)
    for algorithm, raws in raw_by_algorithm.items():
        for start in range(0, len(raws), _DIGESTS_PER_QUERY):
            chunk = raws[start : start + _DIGESTS_PER_QUERY]
            yield and_(table.c.algorithm == algorithm, table.c.digest.in_(chunk))


def to_digest(row: Sequence[Any]) -> Digest:
    """Give the digest that the first two columns of `row` hold."""
    return Digest.from_raw(row[0], row[1])


def contains(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Say that `text` stands anywhere in `column`, ignoring case; its own wildcards mean themselves."""
    return func.lower(column).contains(text.lower(), autoescape=True)


def past(
    position: Position, key: ColumnElement[Any], name: ColumnElement[str], direction: Direction
) -> ColumnElement[bool]:
    """Say that a row comes after `position` in a listing sorted by `key`, which is never null, and then by `name`."""
    further = key < position.key if direction is Direction.DESCENDING else key > position.key
    return further if key is name else or_(further, and_(key == position.key, name > position.name))


def kept(connection: Connection, statement: Select[Any], of: Table) -> Select[Any]:
    """Select rows of `of` that nobody can delete before this transaction ends, where it may also write."""
    if connection.get_execution_options().get(READ_ONLY_OPTION):
        return statement
    return statement.with_for_update(read=True, key_share=True, of=of)
