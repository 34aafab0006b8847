"""The tables as a backup has them: rows of values that mean the same in either database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, column, insert, select, table

from registry.metadata.column_types import UtcTime
from registry.metadata.schema import (
    installation,
    job_lease,
    login_failure,
    metadata,
    moved_blob,
    node,
    secret,
    upload,
    upload_hold,
)

if TYPE_CHECKING:
    from sqlalchemy import Column, Table
    from sqlalchemy.types import TypeEngine

_ROWS = 500
# A manifest may have 4 MiB.
_LARGE_ROWS = 16


class PlainTable:
    """A table whose rows are integers, truth values, texts and bytes; times are microseconds since 1970."""

    __slots__ = ("_of", "columns", "gives_ids", "inserted", "name", "ordered", "rows_at_once", "types")

    def __init__(self, of: Table) -> None:
        """Declare the statements that read and write the rows of `of`."""
        self._of = of
        self.name = str(of.name)
        self.columns = tuple(str(each.name) for each in of.columns)
        self.types: tuple[Any, ...] = tuple(_python_type(each) for each in of.columns)
        self.gives_ids = of.autoincrement_column is not None
        plain = table(of.name, *(column(each.name, _plain_type(each)) for each in of.columns))
        self.ordered = select(plain).order_by(*(plain.c[each.name] for each in of.primary_key))
        self.inserted = insert(plain)
        self.rows_at_once = _LARGE_ROWS if "content" in of.columns else _ROWS

    @property
    def is_made_at_start(self) -> bool:
        """Whether the first start of a registry makes rows of it."""
        return self._of in (installation, secret)

    @property
    def holds_secrets(self) -> bool:
        """Whether the rows are the registry's own keys."""
        return self._of is secret


def _plain_type(of: Column[Any]) -> TypeEngine[Any]:
    return BigInteger() if isinstance(of.type, UtcTime) else of.type


def _python_type(of: Column[Any]) -> Any:
    kind: Any = _plain_type(of).python_type
    return kind | None if of.nullable else kind


PASSING = frozenset({job_lease, login_failure, moved_blob, node, upload, upload_hold})
"""What is true for moments only, or of bytes that are not kept: no part of a backup."""

TABLES = tuple(PlainTable(each) for each in metadata.sorted_tables if each not in PASSING)
"""What a backup has, each table behind those that its rows refer to."""
