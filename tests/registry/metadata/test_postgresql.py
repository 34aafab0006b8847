import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.util import await_only

from registry.errors import DatabaseUnavailable
from registry.metadata.account_rows import NamespaceKind
from registry.metadata.database import Database, open_database
from registry.metadata.transaction import Transaction
from tests.contracts.metadata import DatabaseContract
from tests.postgresql import PostgresCluster
from tests.registry.metadata.examples import APP, LATEST, NOW, digest, ensure, push
from tests.registry.metadata.interleaving import after_statement
from tests.registry.metadata.raw_sql import execute

pytestmark = pytest.mark.tool("postgres")

_END_ALL_CONNECTIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


class TestPostgresDatabase(DatabaseContract):
    @pytest.fixture
    def database_url(self, postgresql_url: str) -> str:
        return postgresql_url

    @pytest.fixture
    def empty_database_url(self, postgresql_cluster: PostgresCluster) -> str:
        return postgresql_cluster.url(postgresql_cluster.create())

    @pytest.fixture
    def unreachable_url(self, tmp_path: Path) -> str:
        return f"postgresql://nobody@/nothing?host={tmp_path}"


@pytest.fixture
async def database(postgresql_url: str) -> AsyncIterator[Database]:
    async with await open_database(postgresql_url) as database:
        yield database


async def test_connections_that_the_server_ended_are_replaced_unnoticed(
    postgresql_url: str, database: Database
) -> None:
    await asyncio.gather(*(database.write(push, f"manifest{number}") for number in range(8)))
    await database.write(push, "one")
    await asyncio.gather(*(database.lookups.tag_digest(APP, LATEST) for _ in range(8)))
    for again in range(3):
        await execute(postgresql_url, _END_ALL_CONNECTIONS)

        if again == 0:
            await database.write(push, "two")
        elif again == 1:
            assert await database.lookups.tag_digest(APP, LATEST) == digest("two")
        else:
            assert await database.read(lambda tx: tx.repositories.find(APP)) is not None
        await database.ping()


async def test_a_connection_that_breaks_within_a_unit_is_told_if_it_breaks_again(
    postgresql_url: str, database: Database
) -> None:
    def unit(tx: Transaction) -> None:
        ensure(tx)
        await_only(execute(postgresql_url, _END_ALL_CONNECTIONS))
        ensure(tx)

    with pytest.raises(DatabaseUnavailable):
        await database.write(unit)

    assert await database.read(lambda tx: tx.repositories.find(APP)) is None


async def test_a_database_that_does_not_exist_says_so(postgresql_cluster: PostgresCluster) -> None:
    with pytest.raises(DatabaseUnavailable) as raised:
        await open_database(postgresql_cluster.url("nothing"))

    assert "nothing" in raised.value.cause


async def test_a_read_sees_one_state_however_long_it_takes(database: Database) -> None:
    def look_twice(tx: Transaction) -> tuple[list[str], list[str]]:
        repository = tx.repositories.find(APP)
        assert repository is not None
        first = tx.tags.page(repository.id, None, 10)
        await_only(database.write(push, "one"))
        return first, tx.tags.page(repository.id, None, 10)

    await database.write(ensure)

    assert await database.read(look_twice) == ([], [])


async def test_what_was_prepared_before_a_migration_is_prepared_again(postgresql_url: str, database: Database) -> None:
    await database.write(push, "one")
    await database.read(lambda tx: tx.repositories.find(APP))
    await database.lookups.manifest_by_tag(APP, LATEST)

    await execute(
        postgresql_url,
        "ALTER TABLE manifest ALTER COLUMN media_type TYPE varchar(300)",
        'ALTER TABLE repository ALTER COLUMN name TYPE varchar(300) COLLATE "C"',
    )

    await database.write(push, "two")
    assert await database.read(lambda tx: tx.repositories.find(APP)) is not None
    found = await database.lookups.manifest_by_tag(APP, LATEST)
    assert found is not None
    assert found.content == b"two"


async def test_what_a_unit_relies_on_is_not_deleted_under_it(database: Database) -> None:
    deleting: list[asyncio.Task[bool]] = []

    def rely(tx: Transaction) -> None:
        repository = ensure(tx)
        assert tx.manifests.exists(repository.id, digest("one"))
        deleting.append(asyncio.ensure_future(database.write(delete, repository.id)))
        # The other transaction has time to wait for this one, as it must.
        await_only(database.ping())
        assert not deleting[0].done()
        tx.tags.point(repository.id, LATEST, digest("one"), actor="user:alice", now=repository.created_at)

    def delete(tx: Transaction, repository_id: int) -> bool:
        return tx.manifests.delete(repository_id, digest("one"))

    await database.write(push, "one")

    await database.write(rely)

    assert await deleting[0]


def remove_namespace(tx: Transaction) -> bool:
    found = tx.namespaces.find("team")
    return found is not None and tx.namespaces.remove(found.id)


async def test_a_first_push_makes_its_namespace_anew_that_is_removed_under_it(database: Database) -> None:
    await database.write(lambda tx: tx.namespaces.make("team", NamespaceKind.ORGANISATION, NOW))
    removed: list[bool] = []

    def remove() -> None:
        removed.append(await_only(database.write(remove_namespace)))

    with after_statement("INSERT INTO namespace", remove):
        made = await database.write(ensure)

    assert removed == [True]
    assert await database.read(lambda tx: tx.repositories.find(APP)) == made


async def test_a_namespace_with_a_first_push_under_way_is_not_removed(database: Database) -> None:
    await database.write(lambda tx: tx.namespaces.make("team", NamespaceKind.ORGANISATION, NOW))
    removing: list[asyncio.Task[bool]] = []

    def remove() -> None:
        removing.append(asyncio.ensure_future(database.write(remove_namespace)))
        # The other transaction has time to wait for this one, as it must.
        await_only(database.ping())
        assert not removing[0].done()

    with after_statement("SELECT namespace.id", remove):
        await database.write(ensure)

    assert not await removing[0]
