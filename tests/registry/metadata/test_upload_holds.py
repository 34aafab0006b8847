from registry.metadata.database import Database
from registry.metadata.rows import UploadHold
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import NOW, later

KEY = "0123456789abcdef0123456789abcdef"


async def test_an_upload_has_one_holder_at_a_time(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        one, two = UploadHold("one", "a", later(10)), UploadHold("two", "b", later(20))
        assert tx.upload_holds.find(KEY) is None

        assert tx.upload_holds.acquire(KEY, one, now=NOW)

        assert tx.upload_holds.find(KEY) == one
        assert not tx.upload_holds.acquire(KEY, two, now=later(9))
        assert tx.upload_holds.acquire("another", two, now=NOW)
        assert tx.upload_holds.acquire(KEY, two, now=later(10))
        assert tx.upload_holds.find(KEY) == two

    await database.write(unit)


async def test_who_lost_a_hold_can_neither_renew_nor_release_it(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        assert tx.upload_holds.acquire(KEY, UploadHold("one", "lost", later(10)), now=NOW)
        assert tx.upload_holds.acquire(KEY, UploadHold("two", "held", later(20)), now=later(15))

        assert not tx.upload_holds.renew(KEY, "lost", until=later(99))
        assert not tx.upload_holds.release(KEY, "lost")
        assert tx.upload_holds.renew(KEY, "held", until=later(30))
        assert tx.upload_holds.find(KEY) == UploadHold("two", "held", later(30))
        assert tx.upload_holds.release(KEY, "held")
        assert tx.upload_holds.find(KEY) is None

    await database.write(unit)


async def test_holds_that_ended_are_forgotten(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        assert tx.upload_holds.acquire("ended", UploadHold("one", "a", later(10)), now=NOW)
        assert tx.upload_holds.acquire("held", UploadHold("one", "b", later(30)), now=NOW)

        assert tx.upload_holds.remove_ended(later(20)) == 1

        assert tx.upload_holds.find("ended") is None
        assert tx.upload_holds.find("held") is not None

    await database.write(unit)
