import asyncio

from registry.metadata.database import Database
from registry.metadata.rows import UploadProgress
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import APP, NOW, OTHER, an_upload, later

PROGRESS = UploadProgress("sha512", 2**40, bytes(range(256)), b"\x00backend", b"tail\xff")


async def test_starting_an_upload_makes_no_repository(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        tx.uploads.create(an_upload())

        assert tx.uploads.find("2f9e") == an_upload()
        assert tx.repositories.find(APP) is None
        assert tx.uploads.find("none") is None

    await database.write(unit)


async def test_progress_is_kept_and_counts_the_version_up(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        tx.uploads.create(an_upload())

        assert tx.uploads.save("2f9e", 0, PROGRESS, now=later(1), expires_at=later(61))

        saved = tx.uploads.find("2f9e")
        assert saved is not None
        assert (saved.version, saved.updated_at, saved.expires_at) == (1, later(1), later(61))
        assert saved.started_at == NOW
        for name in UploadProgress.__struct_fields__:
            assert getattr(saved, name) == getattr(PROGRESS, name)

    await database.write(unit)


async def test_of_two_who_go_on_from_one_version_only_one_gets_on(database: Database) -> None:
    def go_on(tx: Transaction) -> bool:
        return tx.uploads.save("2f9e", 0, PROGRESS, now=NOW, expires_at=NOW)

    await database.write(lambda tx: tx.uploads.create(an_upload()))

    results = await asyncio.gather(*(database.write(go_on) for _ in range(16)))

    assert sum(results) == 1


async def test_an_upload_is_only_ended_at_the_version_it_is_at(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        tx.uploads.create(an_upload("a"))
        tx.uploads.create(an_upload("b"))
        tx.uploads.save("a", 0, PROGRESS, now=NOW, expires_at=NOW)

        assert not tx.uploads.delete("a", 0)
        assert tx.uploads.delete("a", 1)
        assert not tx.uploads.delete("a", None)
        assert tx.uploads.delete("b", None)
        assert not tx.uploads.save("b", 0, PROGRESS, now=NOW, expires_at=NOW)

    await database.write(unit)


async def test_expired_uploads_come_longest_over_first(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        for number, expiry in enumerate((30, 10, 20, 40)):
            tx.uploads.create(an_upload(str(number)))
            tx.uploads.save(str(number), 0, PROGRESS, now=NOW, expires_at=later(expiry))

        assert [upload.id for upload in tx.uploads.expired(later(30), 10)] == ["1", "2", "0"]
        assert [upload.id for upload in tx.uploads.expired(later(30), 2)] == ["1", "2"]
        assert tx.uploads.expired(later(9), 10) == []

    await database.write(unit)


async def test_the_uploads_of_a_repository_are_its_own(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        tx.uploads.create(an_upload("a", APP))
        tx.uploads.create(an_upload("b", OTHER))

        assert tx.uploads.for_repository(APP) == [an_upload("a", APP)]

    await database.write(unit)
