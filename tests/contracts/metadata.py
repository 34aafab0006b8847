"""What every metadata database promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName, Tag
from registry.errors import DatabaseUnavailable
from registry.metadata.connecting import AS_IT_COMES, Connecting
from registry.metadata.database import Database, open_database
from registry.metadata.revision import HEAD, SchemaMismatch, successor
from registry.metadata.rows import ManifestRow, Repository, StoredManifest, TagRow, UploadProgress
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import (
    ALICE,
    APP,
    LATEST,
    OTHER,
    a_manifest,
    an_upload,
    digest,
    ensure,
    later,
    link,
    push,
    put,
)
from tests.registry.metadata.raw_sql import execute
from tests.registry.metadata.writing_process import writing_process


class Refusal(Exception):
    """What a unit of work may raise."""


class DatabaseContract:
    """What every Database promises; a subclass gives the fixtures `database_url` and `unreachable_url`."""

    @pytest.fixture
    def connecting(self) -> Connecting:
        return AS_IT_COMES

    @pytest.fixture
    async def database(self, database_url: str, connecting: Connecting) -> AsyncIterator[Database]:
        async with await open_database(database_url, connecting) as database:
            yield database

    async def test_a_unit_gets_its_arguments_and_gives_its_result(self, database: Database) -> None:
        def unit(tx: Transaction, first: int, *, second: str) -> tuple[int, str]:
            return first, second

        assert await database.write(unit, 1, second="two") == (1, "two")
        assert await database.read(unit, 1, second="two") == (1, "two")

    async def test_a_unit_that_fails_leaves_nothing_behind(self, database: Database) -> None:
        def unit(tx: Transaction) -> None:
            push(tx, "one")
            raise Refusal("after all")

        with pytest.raises(Refusal, match="after all"):
            await database.write(unit)

        assert await database.read(lambda tx: tx.repositories.find(APP)) is None
        assert await database.lookups.manifest_by_tag(APP, LATEST) is None

    async def test_units_that_fail_undo_nothing_that_others_did_beside_them(self, database: Database) -> None:
        def unit(tx: Transaction, number: int) -> int:
            link(tx, f"blob{number}")
            if number % 3 == 0:
                raise Refusal(number)
            return number

        await database.write(ensure)

        results = await asyncio.gather(*(database.write(unit, number) for number in range(60)), return_exceptions=True)

        for number, result in enumerate(results):
            linked = await database.lookups.linked_blob(APP, digest(f"blob{number}"))
            if number % 3 == 0:
                assert isinstance(result, Refusal)
                assert result.args == (number,)
                assert linked is None
            else:
                assert result == number
                assert linked is not None

    async def test_a_read_cannot_write(self, database: Database) -> None:
        with pytest.raises(DatabaseUnavailable):
            await database.read(ensure)

        assert await database.read(lambda tx: tx.repositories.find(APP)) is None

    async def test_many_reads_and_writes_at_once_all_get_through(self, database: Database) -> None:
        async def go_round(number: int) -> None:
            name = RepositoryName.parse(f"team/app{number}")
            await database.write(push, f"manifest{number}", LATEST, name)
            found = await database.read(lambda tx: tx.repositories.find(name))
            assert found is not None
            manifest = await database.lookups.manifest_by_tag(name, LATEST)
            assert manifest is not None
            assert manifest.content == f"manifest{number}".encode()

        await asyncio.gather(*(go_round(number) for number in range(64)))

    async def test_a_tag_is_looked_up_with_the_bytes_it_names_now(self, database: Database) -> None:
        v1 = Tag.parse("v1")
        assert await database.lookups.manifest_by_tag(APP, LATEST) is None
        assert await database.lookups.tag_digest(APP, LATEST) is None

        def rows(tx: Transaction) -> tuple[ManifestRow, TagRow]:
            tag = tx.tags.current(ensure_found(tx).id, LATEST)
            assert tag is not None
            row = tx.manifests.find(tag.repository_id, tag.digest)
            assert row is not None
            return row, tag

        for text in ("one", "two", "one"):
            await database.write(push, text)
            row, tag = await database.read(rows)

            found = await database.lookups.manifest_by_tag(APP, LATEST)

            assert found is not None
            assert found == StoredManifest(
                row.id, row.repository_id, tag.id, digest(text), row.media_type, len(text), text.encode()
            )
            assert await database.lookups.tag_digest(APP, LATEST) == digest(text)
        assert await database.lookups.manifest_by_tag(APP, v1) is None
        assert await database.lookups.manifest_by_tag(OTHER, LATEST) is None

    async def test_an_ended_tag_is_not_found(self, database: Database) -> None:
        await database.write(push, "one")
        await database.write(lambda tx: tx.tags.end(ensure(tx).id, LATEST, actor=ALICE, now=later(1)))

        assert await database.lookups.manifest_by_tag(APP, LATEST) is None
        assert await database.lookups.tag_digest(APP, LATEST) is None

    async def test_a_deleted_manifest_is_not_found_though_its_bytes_were_just_read(self, database: Database) -> None:
        await database.write(push, "one")
        assert await database.lookups.manifest_by_tag(APP, LATEST) is not None

        await database.write(lambda tx: tx.manifests.delete(ensure(tx).id, digest("one")))

        assert await database.lookups.manifest_by_tag(APP, LATEST) is None
        assert await database.lookups.manifest_by_digest(APP, digest("one")) is None

    async def test_a_manifest_is_looked_up_by_its_digest_only_where_it_is(self, database: Database) -> None:
        row = await database.write(put, a_manifest("one"))

        found = await database.lookups.manifest_by_digest(APP, digest("one"))

        assert found == StoredManifest(row.id, row.repository_id, None, row.digest, row.media_type, 3, b"one")
        assert await database.lookups.manifest_by_digest(OTHER, digest("one")) is None
        assert await database.lookups.manifest_by_digest(APP, Digest.of(b"one", "sha512")) is None

    async def test_a_blob_is_looked_up_only_where_it_is_linked(self, database: Database) -> None:
        await database.write(link, "layer")

        found = await database.lookups.linked_blob(APP, digest("layer"))

        assert found == await database.read(lambda tx: tx.blobs.linked(ensure_found(tx).id, digest("layer")))
        assert await database.lookups.linked_blob(OTHER, digest("layer")) is None
        assert await database.lookups.linked_blob(APP, digest("other layer")) is None

    async def test_a_blob_is_looked_up_by_its_digest_whoever_links_it(self, database: Database) -> None:
        await database.write(link, "layer")

        found = await database.lookups.blob(digest("layer"))

        assert found is not None
        assert found == await database.read(lambda tx: tx.blobs.find(digest("layer")))
        assert await database.lookups.blob(digest("other")) is None

    async def test_an_upload_is_looked_up_as_it_was_saved(self, database: Database) -> None:
        progress = UploadProgress("sha512", 2**40, bytes(range(256)), b"\x00state", b"tail")

        def unit(tx: Transaction) -> None:
            tx.uploads.create(an_upload())
            tx.uploads.save("2f9e", 0, progress, now=later(1), expires_at=later(61))

        await database.write(unit)

        found = await database.lookups.upload("2f9e")

        assert found is not None
        assert found == await database.read(lambda tx: tx.uploads.find("2f9e"))
        assert found.repository == APP
        assert await database.lookups.upload("none") is None

    async def test_what_another_process_wrote_is_seen_by_the_very_next_lookup(
        self, database_url: str, database: Database, connecting: Connecting
    ) -> None:
        with writing_process(database_url, connecting) as other:
            assert other.stdin is not None
            assert other.stdout is not None
            for number in range(100):
                print(f"manifest{number}", file=other.stdin, flush=True)
                acknowledged = other.stdout.readline().strip()

                found = await database.lookups.manifest_by_tag(APP, LATEST)

                assert found is not None
                assert found.content.decode() == acknowledged == f"manifest{number}"

    async def test_what_was_acknowledged_survives_the_death_of_its_process(
        self, database_url: str, connecting: Connecting
    ) -> None:
        with writing_process(database_url, connecting, "flood") as other:
            assert other.stdout is not None
            acknowledged = [other.stdout.readline().strip() for _ in range(200)]
            other.kill()
            # What stands in the pipe was acknowledged too; its last line may have been cut off.
            acknowledged += [line.strip() for line in other.stdout if line.endswith("\n")]

        async with await open_database(database_url, connecting) as database:
            for text in acknowledged:
                assert await database.lookups.manifest_by_digest(APP, digest(text)) is not None

            def ends_of_history(tx: Transaction) -> tuple[Digest, Digest]:
                current = tx.tags.current(ensure_found(tx).id, LATEST)
                assert current is not None
                return current.digest, tx.tags.history(current.repository_id, LATEST, 1)[0].digest

            current, newest = await database.read(ends_of_history)
            assert current == newest

    async def test_a_healthy_database_answers_a_ping(self, database: Database) -> None:
        await database.ping()

    async def test_closing_finishes_what_was_begun_and_takes_nothing_new(
        self, database_url: str, connecting: Connecting
    ) -> None:
        database = await open_database(database_url, connecting)
        await database.write(push, "one")
        assert await database.lookups.tag_digest(APP, LATEST) is not None

        await database.close()
        await database.close()

        with pytest.raises(DatabaseUnavailable):
            await database.write(push, "two")
        with pytest.raises(DatabaseUnavailable):
            await database.read(ensure_found)
        with pytest.raises(DatabaseUnavailable):
            await database.lookups.tag_digest(APP, LATEST)
        async with await open_database(database_url, connecting) as again:
            assert await again.lookups.tag_digest(APP, LATEST) == digest("one")

    async def test_a_database_that_cannot_be_reached_says_so(self, unreachable_url: str) -> None:
        with pytest.raises(DatabaseUnavailable) as raised:
            await open_database(unreachable_url)

        assert raised.value.cause

    async def test_a_database_without_tables_is_not_opened(self, empty_database_url: str) -> None:
        with pytest.raises(SchemaMismatch, match="registry migrate") as raised:
            await open_database(empty_database_url)

        assert raised.value.found is None

    async def test_a_database_of_another_version_is_not_opened(self, database_url: str, connecting: Connecting) -> None:
        await execute(database_url, "UPDATE alembic_version SET version_num = '9999'")

        with pytest.raises(SchemaMismatch, match="9999") as raised:
            await open_database(database_url, connecting)

        assert (raised.value.found, raised.value.expected) == ("9999", HEAD)

    async def test_a_database_of_the_next_version_is_served(self, database_url: str, connecting: Connecting) -> None:
        await execute(database_url, f"UPDATE alembic_version SET version_num = '{successor(HEAD)}'")

        async with await open_database(database_url, connecting) as database:
            await database.ping()
            await database.write(push, "one")


def ensure_found(tx: Transaction) -> Repository:
    found = tx.repositories.find(APP)
    assert found is not None
    return found
