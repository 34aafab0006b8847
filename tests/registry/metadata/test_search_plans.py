"""Searches and lists of what somebody may see read few rows of PostgreSQL's, however many repositories there are.

Unlike those of `test_query_plans`, these statements are planned by what is in the tables: so they are run on many rows,
and the rows counted that each part of a plan reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import pytest
from sqlalchemy import Connection, Engine, event

from oci_spec.reference import RepositoryName
from registry import limits
from registry.metadata import visible_repositories
from registry.metadata.database import open_database
from registry.metadata.repository_values import Search
from registry.metadata.rows import Direction, Position, RepositorySearch, RepositorySort
from registry.metadata.transaction import Transaction
from registry.metadata.visible import EVERYTHING, Visible
from tests.registry.metadata.raw_sql import execute

pytestmark = pytest.mark.tool("postgres")

_REPOSITORIES: Final = 20_000
_BOUND: Final = 100
# Each of the repositories that are looked at costs some questions to other tables.
_ROWS_READ: Final = 40 * _BOUND

_FILLING: Final = f"""
INSERT INTO namespace (name, created_at, kind)
    SELECT 'ns' || lpad(n::text, 2, '0'), 0, 'organisation' FROM generate_series(0, 19) n;
INSERT INTO repository (namespace_id, name, created_at, updated_at, visibility, pulls)
    SELECT namespace.id, namespace.name || '/app-' || lpad(n::text, 5, '0'), n, n,
        CASE WHEN n % 50 = 1 THEN 'public' ELSE 'private' END, n % 7
    FROM generate_series(1, {_REPOSITORIES}) n JOIN namespace ON namespace.name = 'ns' || lpad((n % 20)::text, 2, '0');
INSERT INTO search_gram (gram, repository_id)
    SELECT DISTINCT gram, id FROM repository, LATERAL (VALUES
        ('n'), ('ns'), (substr(name, 1, 3)), (substr(name, 2, 3)), ('a'), ('ap'), ('app'),
        (substr(name, 10, 1)), (substr(name, 10, 2)),
        (substr(name, 10, 3)), (substr(name, 11, 3)), (substr(name, 12, 3))) grams (gram);
INSERT INTO account (name, kind, source, is_admin, is_disabled, generation, created_at, created_by) VALUES
    ('many', 'user', 'local', false, false, 1, 0, 'test'),
    ('few', 'user', 'local', false, false, 1, 0, 'test');
INSERT INTO member (namespace_id, account_id, is_owner, created_at)
    SELECT namespace.id, account.id, true, 0 FROM namespace, account
    WHERE namespace.name = 'ns00' AND account.name = 'many';
INSERT INTO team (namespace_id, name, created_at) SELECT id, 'builders', 0 FROM namespace WHERE name = 'ns00';
INSERT INTO team_member (team_id, account_id) SELECT team.id, account.id FROM team, account;
INSERT INTO role_grant (account_id, team_id, pattern, bucket, role, created_at, created_by)
    SELECT account.id, NULL::bigint, repository.name, repository.name, 'reader', 0, 'test' FROM account, repository
    WHERE repository.id <= 5
    UNION ALL SELECT id, NULL::bigint, 'ns01/*', 'ns01/', 'reader', 0, 'test' FROM account WHERE name = 'many'
    UNION ALL SELECT NULL, id, 'ns02/app-0000*', 'ns02/', 'writer', 0, 'test' FROM team;
"""

_MANY, _FEW = 1, 2
SEEN: Final[Mapping[str, Visible]] = {
    "all": EVERYTHING,
    "public": Visible(public=True),
    "many": Visible(public=True, account_id=_MANY),
    "narrowed": Visible(public=True, account_id=_MANY, within=("ns00/app-0*", "ns01/app-00001")),
    "few": Visible(account_id=_FEW),
}

Ask = Callable[[Transaction, Visible], object]


def search(*terms: str, after: Position | None = None) -> Ask:
    return lambda tx, visible: tx.repositories.find_by_text(Search(" ".join(terms), terms, 5, after), visible)


def page(**wanted: Any) -> Ask:
    return lambda tx, visible: tx.repositories.page(RepositorySearch(5, **wanted), visible)


ASKED: Final[Mapping[str, Ask]] = {
    "search for what all have": search("app"),
    "search on": search("app", after=Position(1, "ns00/app-00020")),
    "search for what few have": search("00123"),
    "search for two words": search("app", "123"),
    "search for a short word": search("ap"),
    "search for nothing that is there": search("zzz"),
    "names": lambda tx, visible: tx.repositories.names(visible, 5, RepositoryName.parse("ns01/app-00001")),
    "list by name": page(),
    "list with a text that all have": page(text="app"),
    "list with a text that few have": page(text="00123"),
    "list backwards": page(direction=Direction.DESCENDING),
    "list the newest": page(sort=RepositorySort.CREATED, direction=Direction.DESCENDING),
    "list the least pulled": page(sort=RepositorySort.PULLS, after=Position(3, "ns01/app-00001")),
    "list the most pulled": page(sort=RepositorySort.PULLS, direction=Direction.DESCENDING),
}


@pytest.fixture
def bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visible_repositories, "FEW", _BOUND)
    monkeypatch.setattr(limits, "LOOKED_AT_REPOSITORIES", _BOUND)


@pytest.mark.usefixtures("bounds")
async def test_few_rows_are_read_for_a_page(postgresql_url: str) -> None:
    await execute(postgresql_url, *_FILLING.strip().split(";\n"), "ANALYZE")
    read = {}
    async with await open_database(postgresql_url) as database:
        for who, visible in SEEN.items():
            for what, ask in ASKED.items():
                read[who, what] = await database.write(_read_by, ask, visible)

    assert {key: count for key, count in read.items() if count > _ROWS_READ} == {}


def _read_by(tx: Transaction, ask: Ask, visible: Visible) -> int:
    with rows_read() as counts:
        ask(tx, visible)
    return sum(counts)


@contextmanager
def rows_read() -> Iterator[list[int]]:
    """How many rows each of the statements reads from tables and indexes that are run in the context."""
    counts: list[int] = []

    def explain(connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if statement.startswith("SELECT"):
            # Some of the tables are so small here that reading them as a whole is cheaper.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            [[plan]] = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", parameters)
            counts.append(_read((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]))

    event.listen(Engine, "before_cursor_execute", explain)
    try:
        yield counts
    finally:
        event.remove(Engine, "before_cursor_execute", explain)


def _read(node: Mapping[str, Any]) -> int:
    count = sum(_read(each) for each in node.get("Plans", ()))
    if "Relation Name" in node or "Index Name" in node:
        passed_over = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        count += round((node["Actual Rows"] + passed_over) * node["Actual Loops"])
    return count
