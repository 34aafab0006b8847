import asyncio

from registry.metadata.database import Database
from registry.metadata.rows import Secret
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import NOW, later


async def test_a_secret_is_made_once_for_its_purpose(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        assert tx.secrets.active("uploads") is None

        made = tx.secrets.ensure("uploads", lambda: b"one", NOW)

        assert made.material == b"one"
        assert tx.secrets.ensure("uploads", lambda: b"two", later(1)) == made
        assert tx.secrets.active("uploads") == made
        assert tx.secrets.ensure("other", lambda: b"three", NOW).key_id != made.key_id

    await database.write(unit)


async def test_all_who_make_a_secret_at_once_get_the_same(database: Database) -> None:
    def make(tx: Transaction, number: int) -> Secret:
        return tx.secrets.ensure("uploads", lambda: bytes([number]), NOW)

    made = await asyncio.gather(*(database.write(make, number) for number in range(16)))

    assert len({secret.material for secret in made}) == 1
    assert len(await database.read(lambda tx: tx.secrets.all("uploads"))) == 1


async def test_a_rotated_secret_stays_to_prove_what_it_signed(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        old = tx.secrets.ensure("uploads", lambda: b"old", NOW)

        new = tx.secrets.rotate("uploads", lambda: b"new", later(1))

        assert tx.secrets.active("uploads") == new
        assert [secret.key_id for secret in tx.secrets.all("uploads")] == [new.key_id, old.key_id]
        assert [secret.retired_at for secret in tx.secrets.all("uploads")] == [None, later(1)]
        assert tx.secrets.all("other") == []

    await database.write(unit)


async def test_retired_secrets_are_forgotten_with_what_they_signed(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        other = tx.secrets.rotate("other", lambda: b"other", NOW)
        tx.secrets.ensure("uploads", lambda: b"old", NOW)
        tx.secrets.rotate("other", lambda: b"newer", later(1))
        new = tx.secrets.rotate("uploads", lambda: b"new", later(1))

        tx.secrets.forget_retired("uploads")

        assert tx.secrets.all("uploads") == [new]
        assert other.key_id in [secret.key_id for secret in tx.secrets.all("other")]

    await database.write(unit)


async def test_a_secret_does_not_show_its_material(database: Database) -> None:
    made = await database.write(lambda tx: tx.secrets.ensure("uploads", lambda: b"hush-hush", NOW))

    assert "hush" not in repr(made)
    assert made.key_id in repr(made)
