"""Statements that every push runs, on SQLite by the driver itself.

SQLAlchemy takes 30 µs for each statement, and SQLite often 5 µs: for the few that make most of the registry's work, the
text and what it does to values are had from SQLAlchemy once, and kept.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Executable
    from sqlalchemy.engine import Dialect

    from registry.metadata.statements import Insertion, Variants

    Convert = Callable[[Any], Any]


class Frequent:
    """A statement that is run very often: with values of the same names each time, none of which is a list."""

    __slots__ = ("_on_driver", "statement")

    def __init__(self, statement: Executable | Variants | Insertion) -> None:
        """Be `statement`, with what it has for each database."""
        self.statement = statement
        self._on_driver: DriverStatement | None = None

    def on_driver(self, statement: Executable, dialect: Dialect, values: Mapping[str, Any]) -> DriverStatement:
        """Give its variant for SQLite, `statement`, as the driver takes it with `values`, or others of these names."""
        if self._on_driver is None:
            self._on_driver = DriverStatement(statement, dialect, list(values))
        return self._on_driver


class DriverStatement:
    """A statement as SQLite's driver takes it."""

    __slots__ = ("_binds", "_results", "text")

    def __init__(self, statement: Executable, dialect: Dialect, names: list[str]) -> None:
        compiled: Any = statement.compile(dialect=dialect, column_keys=names)  # type: ignore[attr-defined] # every statement has it
        self.text = str(compiled)
        self._binds = [
            _given(name, compiled.binds[name], dialect) if name in names else _fixed(compiled.binds[name], dialect)
            for name in compiled.positiontup or ()
        ]
        columns = getattr(statement, "exported_columns", ())
        results = [_converter(column.type.dialect_impl(dialect).result_processor(dialect, None)) for column in columns]
        self._results = results if any(convert is not _as_it_is for convert in results) else None

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Give what the text asks for, in its order."""
        return [bind(values) for bind in self._binds]

    def run(self, driver: sqlite3.Connection, values: Mapping[str, Any]) -> sqlite3.Cursor:
        """Run it; the cursor has the rows as they come."""
        return driver.execute(self.text, self.arguments(values))

    def rows(self, driver: sqlite3.Connection, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Run it and give all rows that it returns."""
        rows = self.run(driver, values).fetchall()
        if self._results is None:
            return rows
        return [tuple(convert(value) for convert, value in zip(self._results, row, strict=True)) for row in rows]


def _given(name: str, parameter: Any, dialect: Dialect) -> Convert:
    """The argument for a parameter out of all values, as the driver wants it."""
    convert = parameter.type.dialect_impl(dialect).bind_processor(dialect)
    return itemgetter(name) if convert is None else lambda values: convert(values[name])


def _fixed(parameter: Any, dialect: Dialect) -> Convert:
    """The same for a parameter whose value stands in the statement."""
    argument = _converter(parameter.type.dialect_impl(dialect).bind_processor(dialect))(parameter.value)
    return lambda _: argument


def _converter(processor: Convert | None) -> Convert:
    return processor or _as_it_is


def _as_it_is(value: Any) -> Any:
    return value
