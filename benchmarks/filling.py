"""Fill a stopped Moorage's SQLite database with many rows: `python -m benchmarks.filling FILE ROWS GRANTS`.

Every row is a copy of what a real push left there, so that whatever columns a table has are filled as the registry
fills them. Pushing a million of each would take hours and measure nothing.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Mapping
from pathlib import Path

TAGGED = "curve/tags"
TEMPLATE = "template"

_LONG_S = 86_400
# Past every id that the pushes before have taken.
_FIRST_ID = 1_000_000_000


def tag_name(number: int) -> str:
    """The name of a tag of TAGGED, for numbers from 1."""
    return f"tag-{number:08}"


def repository_name(number: int) -> str:
    """The name of a repository, for numbers from 1; each has an image under the tag TEMPLATE."""
    return f"curve/repository-{number:08}"


def fill(file: Path, rows: int, grants: int) -> None:
    """Add `rows` tags to TAGGED, `rows` repositories like it, and `grants` of one repository each.

    No registry has the database open. TAGGED must hold one image, pushed under the tag TEMPLATE, and there must be one
    grant if more are wanted.

    Raises:
        sqlite3.Error: the tables are not as expected.
    """
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        # A crash loses the copy and nothing else, so every page is written once, without a journal.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -262144")
        connection.execute("BEGIN IMMEDIATE")
        _count_to(connection, rows)
        _copy_tags(connection)
        _copy_repositories(connection)
        if grants:
            _count_to(connection, grants)
            _copy_grants(connection)
        _hold_garbage_collection(connection)
        connection.execute("COMMIT")
        # No ANALYZE: a registry that has grown by pushes has no statistics either.
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


def _count_to(connection: sqlite3.Connection, rows: int) -> None:
    """Have the table `number` hold the numbers from 1 to `rows`."""
    connection.execute("DROP TABLE IF EXISTS temp.number")
    connection.execute(
        "CREATE TEMP TABLE number AS WITH RECURSIVE n(i) AS "
        "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows) SELECT i FROM n",
        {"rows": rows},
    )


def _copy_tags(connection: sqlite3.Connection) -> None:
    repository = _one(connection, "SELECT id FROM repository WHERE name = :name", {"name": TAGGED})
    only = f"source.repository_id = {repository} AND source.name = '{TEMPLATE}'"
    _copy(connection, "tag", only, {"id": None, "name": "printf('tag-%08d', i)"})


def _copy_repositories(connection: sqlite3.Connection) -> None:
    repository = _one(connection, "SELECT id FROM repository WHERE name = :name", {"name": TAGGED})
    manifest = _one(connection, "SELECT id FROM manifest WHERE repository_id = :of", {"of": repository})
    own = f"{_FIRST_ID} + i"
    name = "printf('curve/repository-%08d', i)"
    in_it = f"source.repository_id = {repository}"
    _copy(connection, "repository", f"source.id = {repository}", {"id": own, "name": name})
    _copy(connection, "manifest", f"source.id = {manifest}", {"id": own, "repository_id": own})
    _copy(
        connection,
        "manifest_reference",
        f"source.manifest_id = {manifest}",
        {"manifest_id": own, "repository_id": own},
    )
    _copy(connection, "link", in_it, {"repository_id": own})
    _copy(connection, "tag", f"{in_it} AND source.name = '{TEMPLATE}'", {"id": None, "repository_id": own})


def _copy_grants(connection: sqlite3.Connection) -> None:
    name = "printf('curve/repository-%08d', i)"
    grant = _one(connection, "SELECT min(id) FROM role_grant", {})
    _copy(connection, "role_grant", f"source.id = {grant}", {"id": None, "pattern": name, "bucket": name})


def _hold_garbage_collection(connection: sqlite3.Connection) -> None:
    """Say that another node has the collection, which would go through all of this for minutes beside what is asked."""
    connection.execute(
        "INSERT OR REPLACE INTO job_lease (name, owner, until, token) VALUES ('garbage-collection', 'elsewhere', ?, 1)",
        [int((time.time() + _LONG_S) * 1e6)],
    )


def _copy(connection: sqlite3.Connection, table: str, which: str, changed: Mapping[str, str | None]) -> None:
    """For each number copy the rows of `table` that `which` finds, some columns changed; None leaves one to SQLite."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    kept = [column for column in columns if changed.get(column, "") is not None]
    values = [changed.get(column) or f"source.{column}" for column in kept]
    connection.execute(
        f"INSERT INTO {table} ({', '.join(kept)}) SELECT {', '.join(values)} "
        f"FROM number CROSS JOIN (SELECT * FROM {table} AS source WHERE {which}) AS source ORDER BY i"
    )


def _one(connection: sqlite3.Connection, query: str, values: Mapping[str, object]) -> int:
    found: int = connection.execute(query, values).fetchone()[0]
    return found


if __name__ == "__main__":
    fill(Path(sys.argv[1]), *map(int, sys.argv[2:4]))
