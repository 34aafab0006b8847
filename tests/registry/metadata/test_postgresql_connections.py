"""How PostgreSQL is connected to: how often, and for how long."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from registry.errors import DatabaseBusy
from registry.metadata.connecting import Connecting
from registry.metadata.database import Database, open_database
from tests.pgbouncer import PgBouncer
from tests.postgresql import PostgresCluster
from tests.registry.metadata.examples import APP, LATEST, push
from tests.registry.metadata.raw_sql import execute
from tests.registry.patience import in_the_end

pytestmark = [pytest.mark.tool("postgres"), pytest.mark.tool("pgbouncer")]

_COUNT = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'moorage' AND datname = current_database()"


@pytest.fixture
def ways_to(postgresql_cluster: PostgresCluster, pgbouncer: PgBouncer) -> dict[bool, Callable[[str], str]]:
    """The URL of a database, straight and through PgBouncer."""
    return {False: postgresql_cluster.url, True: pgbouncer.url}


@pytest.fixture
def name(postgresql_cluster: PostgresCluster, migrated_postgresql_database: str) -> Iterator[str]:
    """A migrated database."""
    made = postgresql_cluster.create(migrated_postgresql_database)
    yield made
    postgresql_cluster.drop(made)


@pytest.mark.parametrize("through_pgbouncer", [False, True])
@pytest.mark.parametrize(
    ("statement_timeout_s", "lock_timeout_s", "told"), [(0.2, None, "statement timeout"), (None, 0.2, "lock timeout")]
)
async def test_nobody_waits_longer_than_configured(
    ways_to: dict[bool, Callable[[str], str]],
    name: str,
    *,
    through_pgbouncer: bool,
    statement_timeout_s: float | None,
    lock_timeout_s: float | None,
    told: str,
) -> None:
    connecting = Connecting(
        through_pgbouncer=through_pgbouncer, statement_timeout_s=statement_timeout_s, lock_timeout_s=lock_timeout_s
    )
    url = ways_to[through_pgbouncer](name)
    async with await in_the_end(lambda: open_database(url, connecting)) as database:
        async with _locked(ways_to[False](name)):
            questions: list[Callable[[], Awaitable[object]]] = [
                lambda: database.write(push, "one"),
                lambda: database.read(lambda tx: tx.repositories.find(APP)),
                lambda: database.lookups.tag_digest(APP, LATEST),
            ]
            for question in questions:
                with pytest.raises(DatabaseBusy) as raised:
                    await question()
                assert told in raised.value.cause

        await database.write(push, "one")


async def test_no_more_connections_are_opened_than_configured_and_only_some_stay(
    postgresql_cluster: PostgresCluster, name: str
) -> None:
    url = postgresql_cluster.url(name)
    async with await open_database(url, Connecting(kept=3, most=6)) as database:
        async with _locked(url):
            asked = [asyncio.create_task(_ask(database, number)) for number in range(20)]
            while (opened := (await execute(url, _COUNT))[0][0]) < 6:
                assert not any(task.done() for task in asked)
        await asyncio.gather(*asked)

        assert opened == 6
        while (await execute(url, _COUNT))[0][0] > 3:
            pass
        await database.ping()


async def _ask(database: Database, number: int) -> None:
    await asyncio.gather(database.write(push, f"manifest{number}"), database.lookups.tag_digest(APP, LATEST))


@asynccontextmanager
async def _locked(url: str) -> AsyncIterator[None]:
    """Nobody can read or write repositories while the block runs."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE repository IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()
