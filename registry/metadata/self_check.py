"""What a database says of itself to who looks for what is wrong: its clock, and the rights of this program."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import text

from registry.metadata.schema import metadata
from registry.metadata.statements import Runner

_CLOCK = text("SELECT extract(epoch FROM clock_timestamp())::float8")
_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_HAS_RIGHT = text("SELECT has_table_privilege(:name, :right)")
_MAY_CREATE = text("SELECT has_schema_privilege(current_schema(), 'CREATE')")
_OWNS = text("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass(:name)")
_CONNECTIONS = text("SELECT (SELECT count(*) FROM pg_stat_activity), current_setting('max_connections')::int")
MIGRATE: Final = "CREATE and ownership of the tables, for migrations"
"""The right that only migrations need."""


class SelfCheck:
    """Questions that PostgreSQL answers about itself; SQLite has neither a clock nor rights of its own."""

    __slots__ = ("_is_postgresql", "_runner")

    def __init__(self, runner: Runner) -> None:
        """Ask in the transaction of `runner`."""
        self._runner = runner
        self._is_postgresql = runner.connection.dialect.name == "postgresql"

    def clock(self) -> datetime | None:
        """Give the time of the database's own machine, None where that is this one."""
        if not self._is_postgresql:
            return None
        return datetime.fromtimestamp(self._runner.value(_CLOCK), UTC)

    def missing_rights(self) -> list[str]:
        """Name the rights that this program needs and does not have, each as `RIGHT on table`."""
        if not self._is_postgresql:
            return []
        names = sorted(str(table.name) for table in metadata.tables.values())
        missing = [
            f"{right} on {name}"
            for name in names
            for right in _RIGHTS
            if not self._runner.value(_HAS_RIGHT, {"name": name, "right": right})
        ]
        owns_all = all(self._runner.value(_OWNS, {"name": name}) for name in names)
        return missing if owns_all and self._runner.value(_MAY_CREATE) else [*missing, MIGRATE]

    def connections(self) -> tuple[int, int] | None:
        """Give how many connections the server has, and how many it takes; None for SQLite."""
        if not self._is_postgresql:
            return None
        row = self._runner.row(_CONNECTIONS)
        assert row is not None, "it is one row"
        return row[0], row[1]
