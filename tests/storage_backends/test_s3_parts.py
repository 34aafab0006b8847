"""How parts are sized, and how memory is shared out."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage_backends.s3.budget import ByteBudget
from storage_backends.s3.part_sizes import MOST_PARTS, SMALLEST_PART, PartSizes

MIB, GIB, TIB = 1 << 20, 1 << 30, 1 << 40
LARGEST_PART = 5 * GIB

firsts = st.integers(SMALLEST_PART, GIB)
shares = st.integers(1, 64)


@given(firsts, shares)
def test_parts_are_never_smaller_or_larger_than_s3_takes_them(first: int, share: int) -> None:
    sizes = PartSizes(first, min(first * share, LARGEST_PART))

    for number in range(1, MOST_PARTS + 1, 7):
        assert SMALLEST_PART <= sizes.floor(number) <= sizes.full(number) <= sizes.largest
        assert sizes.full(number) <= sizes.full(number + 1)


def test_a_blob_of_more_than_half_a_terabyte_fits_into_the_parts_of_the_defaults() -> None:
    sizes = PartSizes(16 * MIB, 64 * MIB)

    assert sum(map(sizes.full, range(1, MOST_PARTS + 1))) > TIB // 2


def test_the_largest_blob_that_s3_takes_fits_where_a_worker_may_hold_four_gigabytes() -> None:
    sizes = PartSizes(16 * MIB, 2 * GIB)

    assert sum(map(sizes.full, range(1, MOST_PARTS + 1))) > 5 * TIB


@given(firsts, st.integers(SMALLEST_PART, 64 * MIB))
def test_a_blob_that_comes_in_small_requests_finds_parts_for_a_quarter_of_a_terabyte(first: int, request: int) -> None:
    # Each request ends with as little as a part may be; what is less is kept for the next one.
    sizes = PartSizes(first, max(first, 64 * MIB))

    held = sum(max(request, sizes.floor(number)) for number in range(1, MOST_PARTS + 1))

    assert held > TIB // 4


async def test_the_budget_is_given_in_the_order_of_the_wishes() -> None:
    budget = ByteBudget(10, patience_s=60)
    order: list[str] = []

    async def want(name: str, size: int) -> None:
        await budget.take(size)
        order.append(name)

    assert budget.try_take(8)
    tasks = [asyncio.create_task(want(name, size)) for name, size in (("large", 9), ("small", 1))]
    await asyncio.sleep(0)
    # One who came later does not overtake, though there is enough for them.
    assert not budget.try_take(1)
    assert order == []

    budget.give(8)
    await asyncio.gather(*tasks)

    assert order == ["large", "small"]


async def test_a_wish_for_more_than_there_is_gets_all_of_it() -> None:
    budget = ByteBudget(10, patience_s=60)

    assert await budget.take(11) == 10
    assert not budget.try_take(1)


@given(st.lists(st.tuples(st.integers(1, 10), st.booleans()), max_size=30))
async def test_whoever_gives_up_waiting_holds_up_nobody(wishes: list[tuple[int, bool]]) -> None:
    budget = ByteBudget(10, patience_s=60)
    assert budget.try_take(10)
    waiting = [(size, gives_up, asyncio.create_task(budget.take(size))) for size, gives_up in wishes]
    await asyncio.sleep(0)

    for _, gives_up, task in waiting:
        if gives_up:
            task.cancel()
    budget.give(10)
    for size, gives_up, task in waiting:
        if not gives_up:
            assert await task == size
            budget.give(size)
    await asyncio.gather(*(task for _, _, task in waiting), return_exceptions=True)

    assert budget.try_take(10)


@pytest.mark.parametrize("cancelled_first", [True, False])
async def test_bytes_given_to_a_task_that_is_cancelled_are_not_lost(cancelled_first: bool) -> None:
    budget = ByteBudget(10, patience_s=60)
    assert budget.try_take(10)
    task = asyncio.create_task(budget.take(10))
    await asyncio.sleep(0)

    for step in (task.cancel, lambda: budget.give(10)) if cancelled_first else (lambda: budget.give(10), task.cancel):
        step()
    await asyncio.gather(task, return_exceptions=True)

    assert budget.try_take(10)
