import pytest

from registry.metadata.database import Database
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import NOW, later


async def test_events_wait_in_their_order_until_they_are_marked(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        ids = [tx.outbox.append("moved", {"number": number, "name": "Ü\x00"}, later(-number)) for number in range(3)]

        pending = tx.outbox.pending(10)

        assert [event.id for event in pending] == ids
        assert pending[1].kind == "moved"
        assert pending[1].payload == {"number": 1, "name": "Ü\x00"}
        assert (pending[1].created_at, pending[1].indexed_at) == (later(-1), None)
        tx.outbox.mark_indexed([ids[1]], NOW)
        assert [event.id for event in tx.outbox.pending(10)] == [ids[0], ids[2]]
        assert [event.id for event in tx.outbox.pending(1)] == [ids[0]]
        other = tx.outbox.append("gone", {}, NOW)
        assert [event.id for event in tx.outbox.pending_of_kind("gone", 1)] == [other]
        assert [event.id for event in tx.outbox.pending_of_kind("moved", 10)] == [ids[0], ids[2]]

    await database.write(unit)


async def test_an_event_is_lost_with_the_change_that_failed(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        tx.outbox.append("moved", {}, NOW)
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(unit)

    assert await database.read(lambda tx: tx.outbox.pending(10)) == []


async def test_only_marked_and_old_events_are_trimmed(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        ids = [tx.outbox.append("moved", {}, later(number)) for number in range(6)]
        tx.outbox.mark_indexed([ids[0], ids[1], ids[2], ids[4], ids[5]], NOW)

        assert tx.outbox.trim(later(5), 2) == 2
        assert tx.outbox.trim(later(5), 10) == 2
        assert tx.outbox.trim(later(5), 10) == 0

        assert [event.id for event in tx.outbox.pending(10)] == [ids[3]]
        assert tx.outbox.trim(later(6), 10) == 1

    await database.write(unit)


async def test_the_id_of_a_trimmed_event_is_not_given_again(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        first = tx.outbox.append("moved", {}, NOW)
        tx.outbox.mark_indexed([first], NOW)
        tx.outbox.trim(later(1), 10)

        assert tx.outbox.append("moved", {}, NOW) > first

    await database.write(unit)


async def test_marking_nothing_and_marking_again_change_nothing(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        first = tx.outbox.append("moved", {}, NOW)

        tx.outbox.mark_indexed([], NOW)

        assert len(tx.outbox.pending(10)) == 1
        tx.outbox.mark_indexed([first], NOW)
        tx.outbox.mark_indexed([first, first], later(1))
        assert tx.outbox.pending(10) == []

    await database.write(unit)
