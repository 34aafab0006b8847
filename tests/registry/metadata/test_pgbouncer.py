import asyncio
from collections.abc import Iterator

import pytest

from registry.metadata import migrate
from registry.metadata.connecting import Connecting
from registry.metadata.database import open_database
from registry.metadata.revision import HEAD
from tests.contracts.metadata import DatabaseContract
from tests.pgbouncer import PgBouncer
from tests.postgresql import PostgresCluster
from tests.registry.metadata.examples import APP, LATEST, digest, push
from tests.registry.metadata.raw_sql import execute

pytestmark = [pytest.mark.tool("postgres"), pytest.mark.tool("pgbouncer")]

_HURRIED = Connecting(through_pgbouncer=True, statement_timeout_s=0.2, lock_timeout_s=0.1)


@pytest.fixture
def database_url(
    postgresql_cluster: PostgresCluster, migrated_postgresql_database: str, pgbouncer: PgBouncer
) -> Iterator[str]:
    database = postgresql_cluster.create(migrated_postgresql_database)
    yield pgbouncer.url(database)
    postgresql_cluster.drop(database)


class TestPostgresDatabaseBehindPgBouncer(DatabaseContract):
    @pytest.fixture
    def connecting(self) -> Connecting:
        return Connecting(through_pgbouncer=True)

    @pytest.fixture
    def empty_database_url(self, postgresql_cluster: PostgresCluster, pgbouncer: PgBouncer) -> str:
        return pgbouncer.url(postgresql_cluster.create())

    @pytest.fixture
    def unreachable_url(self, pgbouncer: PgBouncer) -> str:
        return pgbouncer.url("nothing")


async def test_more_processes_than_connections_look_up_and_write_side_by_side(database_url: str) -> None:
    first, second = [await open_database(database_url, Connecting(through_pgbouncer=True)) for _ in range(2)]
    async with first, second:
        await first.write(push, "one")

        async def ask(number: int) -> None:
            database = (first, second)[number % 2]
            assert await database.lookups.tag_digest(APP, LATEST) is not None
            assert await database.read(lambda tx: tx.repositories.find(APP)) is not None
            await database.write(push, f"manifest{number}")
            assert await database.lookups.manifest_by_digest(APP, digest(f"manifest{number}")) is not None

        await asyncio.gather(*(ask(number) for number in range(40)))


async def test_an_empty_database_is_migrated_through_it(
    postgresql_cluster: PostgresCluster, pgbouncer: PgBouncer
) -> None:
    url = pgbouncer.url(postgresql_cluster.create())

    await asyncio.to_thread(migrate.upgrade, url, _HURRIED)

    assert await asyncio.to_thread(migrate.current, url, _HURRIED) == HEAD


async def test_time_outs_set_for_a_transaction_do_not_outlive_it(database_url: str) -> None:
    # Long enough for a busy machine.
    connecting = Connecting(through_pgbouncer=True, statement_timeout_s=50, lock_timeout_s=40)
    async with await open_database(database_url, connecting) as database:
        await database.write(push, "one")
        assert await database.lookups.tag_digest(APP, LATEST) == digest("one")

    for _ in range(3):
        assert await execute(database_url, "SHOW statement_timeout") == [("0",)]
