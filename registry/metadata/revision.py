"""Which revision of the schema this program works with, and which one a database is at."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD = "0009"
"""The newest revision in `migrations/versions/`, here too so that starting a server need not load Alembic."""


QUERY = "SELECT version_num FROM alembic_version"
"""What a database that has been migrated is asked for its revision."""


class SchemaMismatch(Exception):
    """The database is at a revision of the schema that this program does not serve; `found` is None if at none."""

    def __init__(self, found: str | None) -> None:
        self.found = found
        self.expected = HEAD

    def __str__(self) -> str:
        if self.found is None:
            return "the database has no tables yet: run `registry migrate`"
        return (
            f"the database's schema is at revision {self.found}, this program needs {self.expected} "
            f"and goes on up to {successor(self.expected)}: run `registry migrate`, or a program as new as the database"
        )


def is_served(found: str | None) -> bool:
    """Say whether this program works on a database that is at revision `found`: its own, or the one that follows.

    A revision takes nothing away that the program before it needs, and asks nothing of it that it does not know. So the
    nodes of a registry are upgraded one after the other, and those that are left go on meanwhile.
    """
    return found is not None and found in (HEAD, successor(HEAD))


def successor(revision: str) -> str:
    """The revision that follows `revision`; their names are numbers of four digits."""
    return f"{int(revision) + 1:04}"


def current(connection: Connection) -> str | None:
    """Give the revision that the database is at, None when it has never been migrated."""
    from sqlalchemy import inspect

    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql(QUERY).scalar_one_or_none()


def declare(connection: Connection) -> None:
    """Note that the database, which has just been given this program's tables, is at its revision, as Alembic does."""
    from sqlalchemy import text

    connection.exec_driver_sql(
        "CREATE TABLE alembic_version "
        "(version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD})
