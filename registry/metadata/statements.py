"""How the aggregates' statements are declared, once for both databases, and run.

A statement is declared when its module is loaded and given values when it is run: building one anew takes several
times as long as running it, so what is built is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import and_, bindparam, func, or_

from oci_spec.digest import Digest
from registry.metadata.frequent import Frequent
from registry.metadata.rows import Direction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy import (
        BindParameter,
        ColumnElement,
        Connection,
        CursorResult,
        Executable,
        FromClause,
        Select,
        Table,
    )

    from registry.metadata.frequent import DriverStatement
    from registry.metadata.rows import Position

READ_ONLY_OPTION = "moorage_read_only"
"""Marks a connection whose transaction only reads: PostgreSQL refuses to lock rows there, and nothing needs it."""

Values: TypeAlias = Mapping[str, Any]

_DIGESTS_PER_QUERY = 500
_NO_VALUES: Values = {}


@dataclass(frozen=True, slots=True)
class Variants:
    """One statement as SQLite and as PostgreSQL must read it, the latter also in a transaction that only reads."""

    sqlite: Executable
    postgresql: Executable
    postgresql_read_only: Executable


class Insertion:
    """An INSERT as each database spells it, made when it is first run: the other's dialect is never loaded."""

    def __init__(self, table: Table, build: Callable[[Any], Executable]) -> None:
        """Be what `build` makes of a dialect's INSERT into `table`."""
        self._table, self._build = table, build

    @cached_property
    def sqlite(self) -> Executable:
        """As SQLite must read it."""
        from sqlalchemy.dialects import sqlite

        return self._build(sqlite.insert(self._table))

    @cached_property
    def postgresql(self) -> Executable:
        """As PostgreSQL must read it."""
        from sqlalchemy.dialects import postgresql

        return self._build(postgresql.insert(self._table))


Statement: TypeAlias = "Executable | Variants | Insertion | Frequent"


class Runner:
    """Runs statements in one transaction, each in the variant that the transaction needs."""

    __slots__ = ("_driver", "_kind", "connection")

    def __init__(self, connection: Connection) -> None:
        """Work in the transaction of `connection`."""
        self.connection = connection
        self._kind = connection.dialect.name
        if self._kind == "postgresql" and connection.get_execution_options().get(READ_ONLY_OPTION):
            self._kind = "postgresql_read_only"
        # A transaction has begun on it: what goes past SQLAlchemy is part of that.
        self._driver: Any = connection.connection.driver_connection if self._kind == "sqlite" else None

    def rows(self, statement: Statement, values: Values = _NO_VALUES) -> Sequence[Sequence[Any]]:
        """Run a statement and give all rows that it returns."""
        if isinstance(statement, Frequent) and self._driver is not None:
            return self._on_driver(statement, values).rows(self._driver, values)
        return self._execute(statement, values).all()

    def row(self, statement: Statement, values: Values = _NO_VALUES) -> Sequence[Any] | None:
        """Run a statement and give the one row that it returns, or None."""
        if isinstance(statement, Frequent) and self._driver is not None:
            rows = self._on_driver(statement, values).rows(self._driver, values)
            assert len(rows) <= 1, "it finds one row"
            return rows[0] if rows else None
        return self._execute(statement, values).one_or_none()

    def value(self, statement: Statement, values: Values = _NO_VALUES) -> Any:
        """Run a statement and give the one value that it returns, None also when it returns no row."""
        row = self.row(statement, values)
        return None if row is None else row[0]

    def change(self, statement: Statement, values: Values = _NO_VALUES) -> int:
        """Run a statement and count the rows that it changed."""
        if isinstance(statement, Frequent) and self._driver is not None:
            return self._on_driver(statement, values).run(self._driver, values).rowcount
        return self._execute(statement, values).rowcount

    def change_many(self, statement: Statement, values: Sequence[Values]) -> None:
        """Run a statement once for each of `values`, in their order."""
        if values:
            self.connection.execute(self._wanted(statement), values)

    def _on_driver(self, statement: Frequent, values: Values) -> DriverStatement:
        return statement.on_driver(self._wanted(statement), self.connection.dialect, values)

    def _execute(self, statement: Statement, values: Values) -> CursorResult[Any]:
        return self.connection.execute(self._wanted(statement), values)

    def _wanted(self, statement: Statement) -> Executable:
        if isinstance(statement, Frequent):
            statement = statement.statement
        if isinstance(statement, Insertion):
            return statement.sqlite if self._kind == "sqlite" else statement.postgresql
        wanted: Executable = getattr(statement, self._kind) if isinstance(statement, Variants) else statement
        return wanted


def insert(table: Table, build: Callable[[Any], Executable]) -> Insertion:
    """Declare an INSERT into `table` that knows `ON CONFLICT`: `build` is given it as a dialect has it."""
    return Insertion(table, build)


def kept(query: Select[Any], of: Table) -> Variants:
    """Declare a query whose rows of `of` nobody can delete before the transaction ends.

    On SQLite nobody can anyway: it has one writer at a time.
    """
    return Variants(query, query.with_for_update(read=True, key_share=True, of=of), query)


def has_digest(table: FromClause) -> ColumnElement[bool]:
    """Say that a row of `table` is about the digest that `digest_values` names."""
    return and_(table.c.algorithm == bindparam("this_algorithm"), table.c.digest == bindparam("this_digest"))


def digest_values(digest: Digest) -> dict[str, Any]:
    """Give the values of `has_digest`."""
    return {"this_algorithm": digest.algorithm, "this_digest": digest.raw}


def has_some_digest(table: FromClause) -> ColumnElement[bool]:
    """Say that a row of `table` is about one of the digests that `some_digests_values` names."""
    these: BindParameter[Any] = bindparam("these_digests", expanding=True)
    return and_(table.c.algorithm == bindparam("this_algorithm"), table.c.digest.in_(these))


def some_digests_values(digests: Iterable[Digest]) -> Iterator[dict[str, Any]]:
    """Give the values of `has_some_digest` for all `digests`, as many times as the bound on parameters asks for."""
    raw_by_algorithm: dict[str, list[bytes]] = {}
    for digest in set(digests):
        raw_by_algorithm.setdefault(digest.algorithm, []).append(digest.raw)
    for algorithm, raws in raw_by_algorithm.items():
        # In one order everywhere, so that two transactions that lock the same rows do not wait for each other.
        raws.sort()
        for start in range(0, len(raws), _DIGESTS_PER_QUERY):
            yield {"this_algorithm": algorithm, "these_digests": raws[start : start + _DIGESTS_PER_QUERY]}


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
    is_descending = direction is Direction.DESCENDING
    further = key < position.key if is_descending else key > position.key
    if key is name:
        return further
    # The first condition follows from the second. Only by the first an index finds where to begin.
    begins = key <= position.key if is_descending else key >= position.key
    return and_(begins, or_(further, and_(key == position.key, name > position.name)))
