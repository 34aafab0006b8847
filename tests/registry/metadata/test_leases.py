import asyncio

from registry.metadata.database import Database
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import NOW, later


async def test_a_lease_has_one_holder_at_a_time(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        assert tx.leases.ends_at("expiry") is None

        token = tx.leases.acquire("expiry", "one", until=later(10), now=NOW)

        assert token is not None
        assert tx.leases.ends_at("expiry") == later(10)
        assert tx.leases.acquire("expiry", "two", until=later(20), now=later(9)) is None
        assert tx.leases.acquire("another", "two", until=later(20), now=NOW) is not None
        taken_over = tx.leases.acquire("expiry", "two", until=later(20), now=later(10))
        assert taken_over is not None
        assert taken_over > token

    await database.write(unit)


async def test_who_lost_a_lease_can_neither_renew_nor_release_it(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        lost = tx.leases.acquire("expiry", "one", until=later(10), now=NOW)
        held = tx.leases.acquire("expiry", "two", until=later(20), now=later(15))
        assert lost is not None
        assert held is not None

        assert not tx.leases.renew("expiry", lost, until=later(99))
        assert not tx.leases.release("expiry", lost)
        assert tx.leases.renew("expiry", held, until=later(30))
        assert tx.leases.ends_at("expiry") == later(30)

    await database.write(unit)


async def test_a_released_lease_is_free_at_once_and_its_token_never_comes_again(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        first = tx.leases.acquire("expiry", "one", until=later(10), now=NOW)
        assert first is not None

        assert tx.leases.release("expiry", first)

        second = tx.leases.acquire("expiry", "two", until=later(10), now=NOW)
        assert second is not None
        assert second > first

    await database.write(unit)


async def test_of_many_who_ask_at_once_one_gets_the_lease(database: Database) -> None:
    def ask(tx: Transaction, owner: str) -> int | None:
        return tx.leases.acquire("expiry", owner, until=later(10), now=NOW)

    tokens = await asyncio.gather(*(database.write(ask, str(number)) for number in range(16)))

    assert len([token for token in tokens if token is not None]) == 1
