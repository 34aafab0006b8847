import asyncio
from itertools import pairwise

import pytest
from msgspec.structs import replace

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName, Tag
from registry.metadata.database import Database
from registry.metadata.rows import Direction, Pull, ReferenceRole, TagDetail, TagSearch, TagSort
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import (
    ALICE,
    APP,
    LATEST,
    NOW,
    OTHER,
    a_manifest,
    a_reference,
    digest,
    ensure,
    later,
    push,
    put,
)

V1 = Tag.parse("v1")
BOB = "user:bob"


async def test_a_tag_names_what_it_was_pointed_at_last(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        here = ensure(tx).id
        assert tx.tags.current(here, LATEST) is None

        assert tx.tags.point(here, LATEST, digest("one"), actor=ALICE, now=NOW) is None
        assert tx.tags.point(here, LATEST, digest("two"), actor=BOB, now=later(1)) == digest("one")

        current = tx.tags.current(here, LATEST)
        assert current is not None
        assert (current.name, current.digest, current.actor) == (LATEST, digest("two"), BOB)
        assert (current.valid_from, current.valid_until, current.ended_by) == (later(1), None, None)

    await database.write(unit)


async def test_pointing_a_tag_at_what_it_names_changes_nothing(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        here = ensure(tx).id
        tx.tags.point(here, LATEST, digest("one"), actor=ALICE, now=NOW)
        before = tx.tags.history(here, LATEST, 10)

        assert tx.tags.point(here, LATEST, digest("one"), actor=BOB, now=later(1)) == digest("one")

        assert tx.tags.history(here, LATEST, 10) == before

    await database.write(unit)


async def test_history_tells_who_moved_a_tag_when_newest_first(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        here = ensure(tx).id
        tx.tags.point(here, LATEST, digest("one"), actor=ALICE, now=NOW)
        tx.tags.point(here, LATEST, digest("two"), actor=BOB, now=later(1))
        tx.tags.end(here, LATEST, actor=ALICE, now=later(2))
        tx.tags.point(here, LATEST, digest("one"), actor=BOB, now=later(3))
        tx.tags.point(here, V1, digest("one"), actor=BOB, now=later(4))

        history = tx.tags.history(here, LATEST, 10)

        assert [(row.digest, row.valid_from, row.valid_until, row.actor, row.ended_by) for row in history] == [
            (digest("one"), later(3), None, BOB, None),
            (digest("two"), later(1), later(2), BOB, ALICE),
            (digest("one"), NOW, later(1), ALICE, BOB),
        ]
        assert tx.tags.history(here, LATEST, 1) == history[:1]

    await database.write(unit)


async def test_a_late_clock_does_not_end_a_tags_time_before_it_began(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        here = ensure(tx).id
        tx.tags.point(here, LATEST, digest("one"), actor=ALICE, now=later(10))

        tx.tags.point(here, LATEST, digest("two"), actor=ALICE, now=later(5))
        tx.tags.end(here, LATEST, actor=ALICE, now=NOW)

        for row in tx.tags.history(here, LATEST, 10):
            assert row.valid_from == row.valid_until == later(10)

    await database.write(unit)


async def test_ending_a_tag_leaves_other_tags_of_the_manifest_alone(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        here = ensure(tx).id
        tx.tags.point(here, LATEST, digest("one"), actor=ALICE, now=NOW)
        tx.tags.point(here, V1, digest("one"), actor=ALICE, now=NOW)

        assert tx.tags.end(here, LATEST, actor=ALICE, now=later(1))

        assert not tx.tags.end(here, LATEST, actor=ALICE, now=later(2))
        assert tx.tags.current(here, LATEST) is None
        assert tx.tags.current(here, V1) is not None

    await database.write(unit)


async def test_all_tags_of_a_manifest_end_with_it(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        here, there = ensure(tx, APP).id, ensure(tx, OTHER).id
        for name in ("v1", "B", "a"):
            tx.tags.point(here, Tag.parse(name), digest("one"), actor=ALICE, now=NOW)
        tx.tags.point(here, LATEST, digest("two"), actor=ALICE, now=NOW)
        tx.tags.point(there, LATEST, digest("one"), actor=ALICE, now=NOW)

        assert tx.tags.end_all(here, digest("one"), actor=BOB, now=later(1)) == ["B", "a", "v1"]

        assert tx.tags.end_all(here, digest("one"), actor=BOB, now=later(1)) == []
        assert tx.tags.page(here, None, 10) == ["latest"]
        assert tx.tags.page(there, None, 10) == ["latest"]
        assert [row.ended_by for row in tx.tags.history(here, V1, 10)] == [BOB]

    await database.write(unit)


async def test_tags_are_listed_in_the_order_of_their_bytes(database: Database) -> None:
    names = ["0.9", "1.0", "1.0-rc", "1.10", "1.2", "B", "Z", "_x", "a", "a.b", "a_b", "ab", "z"]

    def unit(tx: Transaction) -> None:
        here = ensure(tx).id
        for name in reversed(names):
            tx.tags.point(here, Tag.parse(name), digest("one"), actor=ALICE, now=NOW)
        tx.tags.point(here, Tag.parse("ended"), digest("one"), actor=ALICE, now=NOW)
        tx.tags.end(here, Tag.parse("ended"), actor=ALICE, now=NOW)

        assert tx.tags.page(here, None, 100) == sorted(names, key=str.encode)
        # What a client names as the last need not be a tag, nor could it be one.
        assert tx.tags.page(here, "1.0~", 2) == ["1.10", "1.2"]
        assert tx.tags.page(here, "z", 2) == []

    await database.write(unit)


async def test_a_tag_moved_by_many_at_once_has_one_unbroken_history(database: Database) -> None:
    digests = [digest(f"manifest{number}") for number in range(32)]
    here = (await database.write(ensure)).id

    def move(tx: Transaction, target: Digest) -> Digest | None:
        return tx.tags.point(here, LATEST, target, actor=ALICE, now=NOW)

    previous = await asyncio.gather(*(database.write(move, target) for target in digests))

    history = await database.read(lambda tx: tx.tags.history(here, LATEST, 100))
    assert {row.digest for row in history} == set(digests)
    assert [row.valid_until is None for row in history] == [True] + [False] * 31
    for newer, older in pairwise(history):
        assert older.valid_until == newer.valid_from
    # Everyone was told what the one before had set, and nobody the same.
    assert sorted(previous, key=str) == sorted([None, *(row.digest for row in history[1:])], key=str)


async def test_a_tag_ended_and_moved_at_once_ends_up_as_its_history_says(database: Database) -> None:
    here = (await database.write(ensure)).id

    def move(tx: Transaction, number: int) -> None:
        tx.tags.point(here, LATEST, digest(f"manifest{number}"), actor=ALICE, now=NOW)

    def end(tx: Transaction) -> bool:
        return tx.tags.end(here, LATEST, actor=BOB, now=NOW)

    tasks = [database.write(move, number) for number in range(16)]
    ended = [database.write(end) for _ in range(16)]
    await asyncio.gather(*tasks)
    results = await asyncio.gather(*ended)

    history = await database.read(lambda tx: tx.tags.history(here, LATEST, 100))
    assert len(history) == 16
    assert sum(row.ended_by == BOB for row in history) == sum(results)
    assert all(row.valid_until is not None for row in history[1:])


async def test_two_tags_moved_in_opposite_orders_do_not_block_each_other_for_ever(database: Database) -> None:
    here = (await database.write(ensure)).id

    def move_both(tx: Transaction, first: Tag, second: Tag, target: Digest) -> None:
        tx.tags.point(here, first, target, actor=ALICE, now=NOW)
        tx.tags.point(here, second, target, actor=ALICE, now=NOW)

    await database.write(move_both, LATEST, V1, digest("start"))

    orders = ((LATEST, V1), (V1, LATEST))
    await asyncio.gather(
        *(database.write(move_both, *orders[number % 2], digest(f"manifest{number}")) for number in range(32))
    )

    current = await database.read(lambda tx: (tx.tags.current(here, LATEST), tx.tags.current(here, V1)))
    assert current[0] is not None
    assert current[1] is not None
    # Both were moved in one transaction each time, so they end where one task put both.
    assert current[0].digest == current[1].digest


def fill_with_tags(tx: Transaction) -> int:
    """Tags with different sizes and times, some alike, one of an index; and some that must not be seen."""
    child = put(tx, a_manifest("child", a_reference("child layer", size=1000)))
    entry = replace(a_reference("child", ReferenceRole.MANIFEST, 5), digest=child.digest)
    put(tx, a_manifest("index", entry, a_reference("absent", ReferenceRole.MANIFEST, 7)))
    put(tx, a_manifest("small", a_reference("config", ReferenceRole.CONFIG, 1), a_reference("layer", size=20)))
    put(tx, a_manifest("large", a_reference("layer", size=5000)))
    named = {"v1": "small", "v2": "small", "V3": "large", "v4": "index", "stable_1": "large", "stable-1": "index"}
    for number, (name, text) in enumerate(named.items()):
        moment = later(number // 2)
        tx.tags.point(child.repository_id, Tag.parse(name), digest(text), actor=ALICE, now=moment)
        tag = tx.tags.current(child.repository_id, Tag.parse(name))
        assert tag is not None
        if number % 2:
            tx.pulls.record([Pull(child.id, tag.id, later(100 - number))])
    tx.tags.point(child.repository_id, Tag.parse("ended"), digest("small"), actor=ALICE, now=NOW)
    tx.tags.end(child.repository_id, Tag.parse("ended"), actor=ALICE, now=NOW)
    push(tx, "small", Tag.parse("elsewhere"), RepositoryName.parse("else/where"))
    return child.repository_id


async def test_details_tell_how_large_what_a_tag_names_is(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        here = fill_with_tags(tx)

        sizes = {str(found.name): found.size for found in tx.tags.details(here, TagSearch(100))}

        assert sizes["v1"] == len("small") + 1 + 20
        assert sizes["V3"] == len("large") + 5000
        # The index itself, the child that is there, and its layer; not the child that is absent.
        assert sizes["v4"] == len("index") + len("child") + 1000

    await database.write(unit)


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("sort", TagSort)
async def test_pages_of_details_join_to_the_whole(database: Database, sort: TagSort, direction: Direction) -> None:
    def unit(tx: Transaction) -> None:
        here = fill_with_tags(tx)
        search = TagSearch(100, sort=sort, direction=direction)
        whole = tx.tags.details(here, search)

        paged: list[TagDetail] = []
        while page := tx.tags.details(
            here, replace(search, limit=1, after=paged[-1].position(sort) if paged else None)
        ):
            paged += page

        assert paged == whole
        assert {str(found.name) for found in whole} == {"v1", "v2", "V3", "v4", "stable_1", "stable-1"}
        keys = [found.position(sort).key for found in whole]
        assert keys == sorted(keys, reverse=direction is Direction.DESCENDING)

    await database.write(unit)


async def test_details_find_text_anywhere_and_take_wildcards_literally(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        here = fill_with_tags(tx)

        def names(text: str) -> list[str]:
            return [str(found.name) for found in tx.tags.details(here, TagSearch(100, text=text))]

        assert names("STABLE_") == ["stable_1"]
        assert names("v") == ["V3", "v1", "v2", "v4"]
        assert tx.tags.count(here, TagSearch(1, text="v")) == 4
        assert tx.tags.count(here, TagSearch(1)) == 6

    await database.write(unit)


async def test_the_detail_of_one_tag_is_that_of_the_page(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        here = fill_with_tags(tx)

        page = tx.tags.details(here, TagSearch(100))

        assert [tx.tags.detail(here, found.name) for found in page] == page
        assert tx.tags.detail(here, Tag.parse("ended")) is None

    await database.write(unit)
