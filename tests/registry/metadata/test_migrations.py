import asyncio
import itertools
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from registry.errors import DatabaseUnavailable
from registry.metadata import migrate
from registry.metadata.database import open_database
from registry.metadata.migrate import BrokenReferences
from registry.metadata.postgresql_rows import connect
from registry.metadata.revision import HEAD, SchemaMismatch, successor
from registry.metadata.schema import metadata
from registry.metadata.sqlite_connections import database_file
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import APP, LATEST, NOW, digest, push
from tests.registry.metadata.raw_sql import execute

_POPULATIONS = Path(__file__).with_name("populations")

_BREAKS = '''"""A revision that fails in its middle."""

import sqlalchemy as sa
from alembic import op

revision = "broken"
down_revision = "{head}"


def upgrade() -> None:
    op.create_table("half_way", sa.Column("id", sa.Integer(), primary_key=True))
    op.add_column("repository", sa.Column("half_way", sa.Integer()))
    op.execute("DELETE FROM tag")
    {last}
'''


async def test_a_migrated_database_has_the_tables_of_the_program(database_url: str) -> None:
    differences = await _differences(database_url)

    assert differences == []


@pytest.fixture
def new_database_url(empty_database_url: str, request: pytest.FixtureRequest) -> str:
    """A database that was given its tables, of the kind of the empty one."""
    url: str = request.getfixturevalue(f"{empty_database_url.partition(':')[0]}_url")
    return url


async def test_a_new_database_is_as_one_that_went_through_all_revisions(
    empty_database_url: str, new_database_url: str
) -> None:
    await asyncio.to_thread(migrate.upgrade_to, empty_database_url, "head", migrate.scripts())

    assert await _catalog(new_database_url) == await _catalog(empty_database_url)


async def test_a_database_with_tables_of_somebody_else_is_no_new_one(empty_database_url: str) -> None:
    # A SQLite file needs to be one.
    await asyncio.to_thread(migrate.upgrade_to, empty_database_url, "0001", migrate.scripts())
    await execute(empty_database_url, "DROP TABLE alembic_version")

    with pytest.raises(DBAPIError):
        await asyncio.to_thread(migrate.upgrade, empty_database_url)


async def test_the_drift_check_sees_a_column_an_index_and_a_table(database_url: str) -> None:
    await execute(
        database_url,
        "ALTER TABLE tag DROP COLUMN ended_by",
        "DROP INDEX ix_tag_history",
        "CREATE TABLE stray (id BIGINT)",
        "DROP INDEX uq_tag_current",
        "CREATE UNIQUE INDEX uq_tag_current ON tag (repository_id)",
    )

    differences = await _differences(database_url)

    assert {difference[0] for difference in differences} >= {"add_column", "add_index", "remove_table", "remove_index"}


async def test_ids_are_never_given_twice_on_sqlite(sqlite_url: str) -> None:
    with_id = {table.name for table in metadata.tables.values() if "id" in table.c and table.name != "upload"}

    rows = await execute(sqlite_url, "SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'")

    assert {name for (name,) in rows} == with_id


def test_the_program_knows_its_newest_revision_without_alembic() -> None:
    assert _revisions()[-1] == HEAD


def test_every_revision_has_rows_to_be_tested_with() -> None:
    assert sorted(path.stem for path in _POPULATIONS.iterdir()) == sorted(_revisions())


@pytest.mark.parametrize("start", sorted(path.stem for path in _POPULATIONS.iterdir()))
async def test_a_populated_database_is_upgraded_with_all_its_rows(empty_database_url: str, start: str) -> None:
    for revision in _revisions()[: _revisions().index(start) + 1]:
        await asyncio.to_thread(migrate.upgrade_to, empty_database_url, revision, migrate.scripts())
        await execute(empty_database_url, *_population(revision, empty_database_url))

    await asyncio.to_thread(migrate.upgrade, empty_database_url)

    assert await asyncio.to_thread(migrate.current, empty_database_url) == HEAD
    async with await open_database(empty_database_url) as database:
        manifest = await database.lookups.manifest_by_tag(APP, LATEST)
        assert manifest is not None
        assert manifest.content == b"one"
        by_digest = await database.lookups.manifest_by_digest(APP, manifest.digest)
        assert by_digest is not None
        assert by_digest.lease_until == (None if start == "0001" else NOW)
        blob = await database.lookups.linked_blob(APP, digest("layer"))
        assert blob is not None
        assert blob.key == "key-of-layer"
        upload = await database.lookups.upload("2f9e")
        assert upload is not None
        assert upload.offset == 7
        assert [event.kind for event in await database.read(lambda tx: tx.outbox.pending(10))] == ["moved"]
        secret = await database.read(lambda tx: tx.secrets.active("uploads"))
        assert secret is not None
        assert await database.read(_description) == ("An app." if start >= "0004" else "")
        await database.write(push, "two")
    assert await _differences(empty_database_url) == []


async def test_upgrading_again_changes_nothing(database_url: str) -> None:
    async with await open_database(database_url) as database:
        await database.write(push, "one")

    await asyncio.to_thread(migrate.upgrade, database_url)

    async with await open_database(database_url) as database:
        assert await database.lookups.tag_digest(APP, LATEST) == digest("one")


async def test_a_database_upgraded_while_it_is_in_use_goes_on_serving(database_url: str) -> None:
    async with await open_database(database_url) as database:
        await database.write(push, "one")
        await asyncio.to_thread(migrate.upgrade, database_url)
        await database.write(push, "two")
        assert await database.lookups.tag_digest(APP, LATEST) == digest("two")


async def test_many_who_upgrade_at_once_do_not_hinder_each_other(empty_database_url: str) -> None:
    await asyncio.gather(*(asyncio.to_thread(migrate.upgrade, empty_database_url) for _ in range(4)))

    assert await asyncio.to_thread(migrate.current, empty_database_url) == HEAD


async def test_a_migration_that_fails_leaves_the_old_schema_serving(database_url: str, tmp_path: Path) -> None:
    scripts = _scripts_with(tmp_path, 'raise RuntimeError("in the middle")')
    async with await open_database(database_url) as database:
        await database.write(push, "one")

        with pytest.raises(RuntimeError, match="in the middle"):
            await asyncio.to_thread(migrate.upgrade_to, database_url, "head", scripts)

        assert await database.lookups.tag_digest(APP, LATEST) == digest("one")
        await database.write(push, "two")
    assert await asyncio.to_thread(migrate.current, database_url) == HEAD
    assert await _differences(database_url) == []


async def test_a_migration_that_leaves_rows_without_what_they_refer_to_is_undone(
    sqlite_url: str, tmp_path: Path
) -> None:
    scripts = _scripts_with(tmp_path, 'op.execute("DELETE FROM repository")')
    async with await open_database(sqlite_url) as database:
        await database.write(push, "one")

    with pytest.raises(BrokenReferences, match="manifest"):
        await asyncio.to_thread(migrate.upgrade_to, sqlite_url, "head", scripts)

    async with await open_database(sqlite_url) as database:
        assert await database.lookups.tag_digest(APP, LATEST) == digest("one")


async def test_a_database_newer_than_the_program_is_left_alone(database_url: str) -> None:
    await execute(database_url, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(SchemaMismatch, match="9999"):
        await asyncio.to_thread(migrate.upgrade, database_url)


async def test_a_database_one_revision_newer_is_left_as_it_is(database_url: str) -> None:
    await execute(database_url, f"UPDATE alembic_version SET version_num = '{successor(HEAD)}'")

    await asyncio.to_thread(migrate.upgrade, database_url)

    assert await asyncio.to_thread(migrate.current, database_url) == successor(HEAD)


def test_the_numbers_of_revisions_follow_each_other() -> None:
    revisions = _revisions()

    assert revisions[1:] == [successor(revision) for revision in revisions[:-1]]


async def test_a_program_of_the_revision_before_can_still_write(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    columns = 'SELECT m.name, c.name, c."notnull", c.dflt_value FROM sqlite_master m, pragma_table_info(m.name) c'
    needed: dict[str, dict[str, set[str]]] = {}
    for revision in _revisions():
        await asyncio.to_thread(migrate.upgrade_to, url, revision, migrate.scripts())
        tables: dict[str, set[str]] = {}
        for table, column, is_needed, default in await execute(url, columns):
            tables.setdefault(table, set()).update({column} if is_needed and default is None else ())
        needed[revision] = tables

    # Since nodes are upgraded one after the other.
    for before, after in itertools.pairwise(_revisions()[_revisions().index("0006") :]):
        for table in needed[before].keys() & needed[after].keys():
            assert needed[after][table] <= needed[before][table], f"{after} asks more of {table} than {before} knows"


@pytest.mark.tool("postgres")
async def test_a_migration_lets_others_go_on_while_it_waits_for_one(postgresql_url: str, tmp_path: Path) -> None:
    scripts = _scripts_with(tmp_path, "pass")
    async with await open_database(postgresql_url) as database:
        await database.write(push, "one")
        held = await connect(postgresql_url)
        transaction = held.transaction()
        await transaction.start()
        await held.execute("SELECT * FROM repository")

        migration = asyncio.create_task(asyncio.to_thread(migrate.upgrade_to, postgresql_url, "head", scripts))
        while not (
            await held.fetchval("SELECT count(*) FROM pg_locks WHERE relation = 'repository'::regclass AND NOT granted")
        ):
            assert not migration.done()
        # This waits behind the migration, which gives up for it.
        assert await database.lookups.tag_digest(APP, LATEST) == digest("one")
        assert not migration.done()

        await transaction.rollback()
        await held.close()
        await migration
        await database.write(push, "two")
    assert await asyncio.to_thread(migrate.current, postgresql_url) == "broken"


async def test_a_database_that_was_never_migrated_has_no_revision(empty_database_url: str) -> None:
    assert await asyncio.to_thread(migrate.current, empty_database_url) is None


async def test_asking_for_the_revision_makes_no_file(tmp_path: Path) -> None:
    assert await asyncio.to_thread(migrate.current, f"sqlite:///{tmp_path / 'none.db'}") is None

    assert list(tmp_path.iterdir()) == []


async def test_what_is_no_database_is_not_migrated(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    text = b"This is no database, but it is long enough to be looked at as one. " * 99
    path.write_bytes(text)

    with pytest.raises(DatabaseUnavailable):
        await asyncio.to_thread(migrate.upgrade, f"sqlite:///{path}")

    assert path.read_bytes() == text


def test_values_and_the_interface_load_no_database_library() -> None:
    imports = "import sys, registry.metadata.database, registry.metadata.rows, registry.metadata.revision"
    check = "print([name for name in ('alembic', 'sqlalchemy', 'asyncpg', 'sqlite3') if name in sys.modules])"

    ran = subprocess.run([sys.executable, "-c", f"{imports}; {check}"], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "[]"


async def test_serving_loads_no_alembic(sqlite_url: str) -> None:
    program = (
        "import asyncio, sys\n"
        "from registry.metadata.database import open_database\n"
        f"asyncio.run(open_database({sqlite_url!r}))\n"
        "assert 'alembic' not in sys.modules"
    )

    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], check=True)


def _description(tx: Transaction) -> str:
    found = tx.repositories.find(APP)
    assert found is not None
    return tx.repositories.description(found.id)


def _revisions() -> list[str]:
    """All revisions, oldest first."""
    config = Config()
    config.set_main_option("script_location", str(migrate.scripts()))
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]


def _population(revision: str, url: str) -> list[str]:
    """The statements that add to a database at `revision` what is new there, as the database at `url` reads them."""
    text = (_POPULATIONS / f"{revision}.sql").read_text()
    if not url.startswith("sqlite:"):
        text = re.sub(r"X'([0-9a-f]*)'", r"'\\x\1'::bytea", text)
    return [statement for statement in text.split(";\n") if statement.strip()]


async def test_indexes_of_a_new_database_are_made_in_one_order(sqlite_url: str) -> None:
    made = await execute(sqlite_url, "SELECT name FROM sqlite_master WHERE type = 'index' AND sql > '' ORDER BY rowid")

    assert made == sorted(made)


def _scripts_with(directory: Path, last: str) -> Path:
    """A copy of the program's revisions with one more, whose last statement is `last`."""
    scripts = directory / "migrations"
    shutil.copytree(migrate.scripts(), scripts)
    (scripts / "versions" / "broken.py").write_text(_BREAKS.format(head=HEAD, last=last))
    return scripts


_SQLITE_CATALOG = """
    SELECT m.name, c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || coalesce(c.dflt_value, '') || ' ' || c.pk
    FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'
    UNION ALL SELECT m.name, 'references ' || f."table" || ' ' || f."from" || ' ' || f."to" || ' ' || f.on_delete
    FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'
    UNION ALL SELECT m.name, i."unique" || ' ' || i.partial || ' ' || x.seqno || ' ' || coalesce(x.name, '')
    FROM sqlite_master m, pragma_index_list(m.name) i, pragma_index_xinfo(i.name) x
    WHERE m.type = 'table'
    UNION ALL SELECT name, 'autoincrement' FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'
"""
_POSTGRESQL_CATALOG = """
    SELECT c.relname, a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' '
        || a.attidentity::text || ' ' || coalesce(co.collname, '') || ' '
        || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    LEFT JOIN pg_collation co ON co.oid = a.attcollation
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
    UNION ALL SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT conrelid::regclass::text, conname || ' ' || pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
"""


async def _catalog(url: str) -> list[tuple[Any, ...]]:
    """What the database itself says of its tables, wherever their columns stand."""
    query = _SQLITE_CATALOG if url.startswith("sqlite") else _POSTGRESQL_CATALOG
    return sorted(map(tuple, await execute(url, query)))


async def _differences(url: str) -> list[Any]:
    """What Alembic would put into a revision for the database at `url`."""

    def compare(connection: Connection) -> list[Any]:
        differences: list[Any] = compare_metadata(MigrationContext.configure(connection), metadata)
        return differences

    if url.startswith("sqlite:"):
        engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(database_file(url)))
        with engine.connect() as connection:
            differences = compare(connection)
        engine.dispose()
        return differences
    asynchronous = create_async_engine("postgresql+asyncpg://", async_creator=lambda: connect(url))
    async with asynchronous.connect() as remote:
        differences = await remote.run_sync(compare)
    await asynchronous.dispose()
    return differences
