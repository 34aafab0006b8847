"""Indexes of some rows of a table, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import Index

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement
    from sqlalchemy.engine import Dialect

_WHERE: Final = "where"


def partial_index(name: str, *columns: Column[object], where: ColumnElement[bool], unique: bool = False) -> None:
    """Declare an index of the rows that `where` is true of."""
    # Told to SQLAlchemy by its key for PostgreSQL, it would load all of that dialect, wherever the tables are declared.
    Index(name, *columns, unique=unique, sqlite_where=where, info={_WHERE: where})


def as_made_by(index: Index, dialect: Dialect) -> Index:
    """Give `index`, with what `dialect` must know to make it."""
    if dialect.name == "postgresql" and _WHERE in index.info:
        index.dialect_options[dialect.name][_WHERE] = index.info[_WHERE]
    return index
