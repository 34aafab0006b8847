"""How a PostgreSQL of any size answers what requests ask: `python -m benchmarks.scale --url URL [--repositories N]`.

An empty database is filled first (`benchmarks.scale_filling`); one that was filled before is measured as it is. Each
question is asked many times about what is nowhere near the last, its plan is looked at, and the size of each table is
told per repository, so that a larger registry can be extrapolated. It prints a report in Markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncpg

from benchmarks.scale_filling import OWN_LAYERS, REPOSITORIES_PER_NAMESPACE, SHARED_BLOBS, TAGS, fill
from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName, Tag
from registry.metadata.database import Database, open_database
from registry.metadata.hot_statements import compile_all
from registry.metadata.rows import RepositorySearch, RepositorySort
from registry.metadata.transaction import Transaction
from registry.metadata.visible import EVERYTHING
from registry.services.context import now

_ROUNDS: Final = 1000
_SIZES: Final = """
    SELECT relname, reltuples::bigint, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples > 0
    ORDER BY pg_total_relation_size(oid) DESC
"""


class Places:
    """Somewhere in a registry of so many repositories, each time elsewhere."""

    def __init__(self, repositories: int) -> None:
        self._repositories = repositories
        self._random = random.Random(1)

    def repository(self) -> tuple[int, RepositoryName]:
        """A repository: its row's id, and its name."""
        number = self._random.randint(1, self._repositories)
        namespace = number // REPOSITORIES_PER_NAMESPACE + 1
        return number, RepositoryName.parse(f"team{namespace:06}/app{number:08}")

    def tag(self) -> Tag:
        """A tag that each repository has."""
        return Tag.parse(f"v{self._random.randint(1, TAGS)}")

    def image(self, repository: int) -> Digest:
        """An image of the repository."""
        return _digest(f"image {repository} {self._random.randint(1, TAGS)}")

    def layer(self, repository: int) -> Digest:
        """A layer that this repository alone has."""
        own = TAGS * OWN_LAYERS
        return _digest(f"blob {SHARED_BLOBS + (repository - 1) * own + self._random.randint(1, own)}")


def _digest(text: str) -> Digest:
    return Digest.from_raw("sha256", hashlib.sha256(text.encode()).digest())


def questions(database: Database, places: Places) -> dict[str, Callable[[], Awaitable[object]]]:
    """What requests ask of the database, by what they do."""
    lookups = database.lookups

    def read(unit: Callable[..., object], *arguments: object) -> Awaitable[object]:
        return database.read(unit, *arguments)

    def move(tx: Transaction, repository: int, tag: Tag, image: Digest) -> object:
        return tx.tags.point(repository, tag, image, actor="user:alice", now=now())

    def here() -> int:
        return places.repository()[0]

    def of_manifest_by_digest() -> Awaitable[object]:
        number, name = places.repository()
        return lookups.manifest_by_digest(name, places.image(number))

    def of_blob() -> Awaitable[object]:
        number, name = places.repository()
        return lookups.linked_blob(name, places.layer(number))

    def of_move() -> Awaitable[object]:
        number = here()
        return database.write(move, number, places.tag(), places.image(number))

    search = RepositorySearch(100, sort=RepositorySort.UPDATED)
    return {
        "manifest by tag": lambda: lookups.manifest_by_tag(places.repository()[1], places.tag()),
        "manifest by digest": of_manifest_by_digest,
        "blob of a repository": of_blob,
        "tag's digest (HEAD)": lambda: lookups.tag_digest(places.repository()[1], places.tag()),
        "tags of a repository": lambda: read(lambda tx: tx.tags.page(here(), None, 100)),
        "a page of the catalog": lambda: read(
            lambda tx: tx.repositories.names(EVERYTHING, 100, places.repository()[1])
        ),
        "repositories, last changed": lambda: read(lambda tx: tx.repositories.page(search, EVERYTHING)),
        "move a tag": of_move,
    }


async def _measure(ask: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """The median and the 99th percentile in milliseconds, once the connections are open."""
    for _ in range(20):
        await ask()
    taken = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken), statistics.quantiles(taken, n=100)[98]


async def _plans(url: str, places: Places) -> list[tuple[str, str, int]]:
    """Of each hot statement its plan's nodes, and how many pages it touched."""
    from sqlalchemy.dialects.postgresql import asyncpg as dialect

    statements = compile_all(dialect.dialect())  # type: ignore[no-untyped-call]
    number, name = places.repository()
    values: dict[str, Any] = {
        "repository": str(name),
        "tag": str(places.tag()),
        "algorithm": "sha256",
        "manifest_id": number,
    }
    connection = await asyncpg.connect(url)
    found = []
    try:
        for title, digest in (
            ("manifest_by_tag", None),
            ("manifest_by_digest", places.image(number)),
            ("linked_blob", places.layer(number)),
            ("tag_digest", None),
            ("blob", places.layer(number)),
            ("manifest_content", None),
        ):
            statement = statements[title]
            arguments = statement.arguments(values | {"digest": None if digest is None else digest.raw})
            rows = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS) {statement.text}", *arguments)
            lines = [row[0].strip() for row in rows]
            nodes = [line.removeprefix("->").strip().split("  (")[0] for line in lines if "Scan" in line]
            buffers = next(line for line in lines if line.startswith("Buffers:"))
            touched = sum(int(part.split("=")[1]) for part in buffers.split() if part.startswith(("hit=", "read=")))
            found.append((title, "; ".join(nodes), touched))
    finally:
        await connection.close()
    return found


async def _report(url: str, repositories: int) -> None:
    places = Places(repositories)
    print(f"## {repositories:,} repositories, {repositories * TAGS:,} tags\n")
    print("| question | median, ms | 99 of 100 within, ms |\n|---|---|---|")
    async with await open_database(url) as database:
        for title, ask in questions(database, places).items():
            median, tail = await _measure(ask)
            print(f"| {title} | {median:.2f} | {tail:.2f} |")
    print("\n| statement | plan | pages |\n|---|---|---|")
    for title, nodes, touched in await _plans(url, places):
        print(f"| `{title}` | {nodes} | {touched} |")
    print("\n| table | rows | table, MiB | indexes, MiB | bytes a repository |\n|---|---|---|---|---|")
    connection = await asyncpg.connect(url)
    for name, rows, table, indexes in await connection.fetch(_SIZES):
        each = (table + indexes) / repositories
        print(f"| `{name}` | {rows:,} | {table / 2**20:.0f} | {indexes / 2**20:.0f} | {each:,.0f} |")
    await connection.close()


async def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--url", required=True, help="a database of PostgreSQL, empty or filled before")
    parser.add_argument("--repositories", type=int, default=20_000, help="how many an empty one is given")
    options = parser.parse_args()
    if not await _repositories(options.url):
        began = time.monotonic()
        await fill(options.url, options.repositories)
        print(f"filled in {time.monotonic() - began:.0f} s\n", file=sys.stderr)
    await _report(options.url, await _repositories(options.url))


async def _repositories(url: str) -> int:
    """How many there are."""
    connection = await asyncpg.connect(url)
    try:
        there = await connection.fetchval("SELECT to_regclass('repository') IS NOT NULL")
        count: int = await connection.fetchval("SELECT count(*) FROM repository") if there else 0
    finally:
        await connection.close()
    return count


if __name__ == "__main__":
    asyncio.run(_main())
