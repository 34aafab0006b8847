import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from registry.metadata.audit_values import ORIGIN, AuditEntry, AuditRow, AuditSearch, chained
from registry.metadata.database import Database, open_database
from registry.metadata.transaction import Transaction
from registry.observability import request_context
from tests.registry.metadata.examples import NOW, ensure, later, push

ENTRY = AuditEntry(
    at=NOW,
    actor="user:alice",
    action="tag.moved",
    target="team/app",
    outcome="done",
    credential="personal:7",
    address="192.0.2.1",
    request_id="r1",
    detail='{"tag":"1"}',
)


class Refusal(Exception):
    """What a unit of work may raise."""


def append(tx: Transaction, *numbers: int) -> None:
    for number in numbers:
        tx.audit.append(replace(ENTRY, request_id=str(number), at=later(number)))


async def found(database: Database, search: AuditSearch | None = None) -> list[AuditRow]:
    return await database.read(lambda tx: tx.audit.newer(search or AuditSearch(), 0, 10_000))


def require_chain(rows: list[AuditRow]) -> None:
    previous = ORIGIN.hash
    for number, row in enumerate(rows, start=1):
        assert row.id == number
        assert row.previous == previous
        assert row.hash == chained(number, row.entry, previous)
        previous = row.hash


def test_entries_that_differ_anywhere_have_different_hashes() -> None:
    alike = [
        ENTRY,
        replace(ENTRY, at=later(1)),
        replace(ENTRY, actor="user:alicepersonal:7", credential=""),
        replace(ENTRY, credential="personal:", address="7192.0.2.1"),
        replace(ENTRY, request_id="other"),
        replace(ENTRY, action="other"),
        replace(ENTRY, target="other"),
        replace(ENTRY, outcome="other"),
        replace(ENTRY, detail="other"),
    ]

    hashes = {chained(1, entry, bytes(32)) for entry in alike} | {chained(2, ENTRY, bytes(32)), chained(1, ENTRY, b"")}

    assert len(hashes) == len(alike) + 2


def test_the_hash_of_an_entry_stays_what_it_is() -> None:
    # Entries that were chained must verify for ever.
    expected = "3b0f6feaa28e752f523b8440ecd27d7abac800df58cd7a241a0e90b716bab35b"

    assert chained(1, ENTRY, bytes(32)).hex() == expected


async def test_entries_are_committed_with_their_change_and_chained(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        push(tx, "one")
        append(tx, 1, 2)

    await database.write(unit)
    await database.write(append, 3)

    rows = await found(database)
    assert [row.entry for row in rows] == [replace(ENTRY, request_id=str(n), at=later(n)) for n in (1, 2, 3)]
    require_chain(rows)
    head = await database.read(lambda tx: tx.audit.head())
    assert (head.entry, head.hash, head.at) == (3, rows[-1].hash, later(3))


async def test_an_entry_is_lost_with_the_change_that_failed_and_no_other(database: Database) -> None:
    def unit(tx: Transaction, number: int) -> None:
        append(tx, number)
        if number % 3 == 0:
            raise Refusal

    await database.write(ensure)

    await asyncio.gather(*(database.write(unit, number) for number in range(30)), return_exceptions=True)

    rows = await found(database)
    assert {row.entry.request_id for row in rows} == {str(number) for number in range(30) if number % 3}
    require_chain(rows)


async def test_two_processes_chain_without_waiting_for_each_other_for_ever(
    database_url: str, database: Database
) -> None:
    def unit(tx: Transaction, number: int) -> None:
        append(tx, number)
        # Rows that others want, locked after the entry was appended.
        push(tx, f"manifest{number % 3}")

    async with await open_database(database_url) as other:
        await asyncio.gather(*((database, other)[number % 2].write(unit, number) for number in range(60)))

    rows = await found(database)
    assert len(rows) == 60
    require_chain(rows)


async def test_times_never_go_back_in_the_chain(database: Database) -> None:
    await database.write(append, 5)
    await database.write(append, 2)
    await database.write(append, 7)

    assert [row.entry.at for row in await found(database)] == [later(5), later(5), later(7)]


async def test_a_unit_knows_the_request_that_it_belongs_to(database: Database) -> None:
    def unit(tx: Transaction) -> str | None:
        context = request_context.current()
        return context.address if context is not None else None

    with request_context.serving(request_context.of_request("r", None, "192.0.2.9")):
        assert await database.write(unit) == "192.0.2.9"
    assert await database.write(unit) is None


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        (AuditSearch(), [1, 2, 3, 4, 5]),
        (AuditSearch(actor="user:bob"), [4]),
        (AuditSearch(target="team/other", outcome="refused"), [5]),
        (AuditSearch(action="tag.deleted"), [3]),
        (AuditSearch(since=later(2), until=later(4)), [2, 3]),
        (AuditSearch(since=later(6)), []),
        (AuditSearch(until=later(1)), []),
        (AuditSearch(actor="user:alice", since=later(3)), [3, 5]),
    ],
)
async def test_entries_are_found_by_what_they_say(database: Database, search: AuditSearch, expected: list[int]) -> None:
    def unit(tx: Transaction) -> None:
        append(tx, 1, 2)
        tx.audit.append(replace(ENTRY, at=later(3), action="tag.deleted"))
        tx.audit.append(replace(ENTRY, at=later(4), actor="user:bob"))
        tx.audit.append(replace(ENTRY, at=later(5), target="team/other", outcome="refused"))

    await database.write(unit)

    assert [row.id for row in await found(database, search)] == expected
    newest_first = await database.read(lambda tx: tx.audit.older(search, None, 100))
    assert [row.id for row in newest_first] == expected[::-1]


async def test_pages_go_on_where_the_last_one_ended(database: Database) -> None:
    await database.write(append, 1, 2, 3, 4)

    first = await database.read(lambda tx: tx.audit.older(AuditSearch(), None, 3))
    second = await database.read(lambda tx: tx.audit.older(AuditSearch(), first[-1].id, 3))

    assert [row.id for row in (*first, *second)] == [4, 3, 2, 1]


async def test_what_is_removed_leaves_the_hash_that_the_rest_follows(database: Database) -> None:
    await database.write(append, 1, 2, 3, 4)
    removed = (await found(database))[2]

    assert await database.write(lambda tx: tx.audit.trim(later(4), 2)) == 2
    assert await database.write(lambda tx: tx.audit.trim(later(4), 2)) == 1
    assert await database.write(lambda tx: tx.audit.trim(later(4), 2)) == 0

    start = await database.read(lambda tx: tx.audit.start())
    assert (start.entry, start.hash) == (3, removed.hash)
    assert [row.previous for row in await found(database)] == [removed.hash]


async def test_two_that_trim_at_once_leave_no_gap(database_url: str, database: Database) -> None:
    await database.write(append, *range(1, 41))

    def unit(tx: Transaction, number: int) -> None:
        tx.audit.trim(later(number), 3)

    async with await open_database(database_url) as other:
        await asyncio.gather(*((database, other)[number % 2].write(unit, number) for number in range(40, 20, -1)))

    start = await database.read(lambda tx: tx.audit.start())
    rows = await found(database)
    assert start.entry > 0
    assert (rows[0].id, rows[0].previous) == (start.entry + 1, start.hash)


async def test_the_chain_goes_on_when_all_of_it_was_removed(database: Database) -> None:
    await database.write(append, 1, 2)
    assert await database.write(lambda tx: tx.audit.trim(later(2) + timedelta(seconds=1), 10)) == 2

    await database.write(append, 3)

    [row] = await found(database)
    start = await database.read(lambda tx: tx.audit.start())
    assert (row.id, row.previous) == (3, start.hash)
