"""How guessing is slowed down for all workers, and nobody locked out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from ipaddress import ip_address

import pytest

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.throttle import Allowance, Attempt, Throttle
from registry.errors import TooManyRequests
from registry.metadata.database import Database, open_database
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import NOW, later
from tests.registry.metadata.raw_sql import execute


@pytest.fixture
def throttle(database: Database) -> Throttle:
    return Throttle(database)


@pytest.fixture
async def other_worker(database_url: str) -> AsyncIterator[Throttle]:
    async with await open_database(database_url) as database:
        yield Throttle(database)


def attempt(name: str = "alice", address: str = "192.0.2.1") -> Attempt:
    return Attempt(AccountName.parse(name), ip_address(address))


async def fail(throttle: Throttle, times: int, what: Attempt, now: datetime = NOW) -> None:
    for _ in range(times):
        await throttle.begin(what, now)


async def wait_of(throttle: Throttle, what: Attempt, now: datetime = NOW) -> int:
    """How long it is told to wait, 0 where it may go on."""
    try:
        await throttle.check(what, now)
    except TooManyRequests as error:
        return error.retry_after_s
    return 0


def test_delays_double_up_to_a_bound() -> None:
    allowance = Allowance(free=3, longest_s=10)

    assert [allowance.delay_s(failures) for failures in (0, 3, 4, 5, 6, 7, 8, 10**9)] == [0, 0, 1, 2, 4, 8, 10, 10]


async def test_free_failures_are_followed_by_waits_that_every_worker_knows(
    throttle: Throttle, other_worker: Throttle
) -> None:
    await fail(throttle, limits.LOGIN_FREE_FAILURES, attempt())
    assert await wait_of(other_worker, attempt()) == 0

    await fail(other_worker, 1, attempt())

    assert await wait_of(throttle, attempt()) == 1
    with pytest.raises(TooManyRequests):
        await throttle.begin(attempt(), later(0.5))
    await fail(throttle, 1, attempt(), later(1))
    assert await wait_of(other_worker, attempt(), later(1.5)) == 2
    assert await wait_of(other_worker, attempt(), later(3)) == 0


async def test_who_is_refused_is_not_counted(throttle: Throttle) -> None:
    await fail(throttle, limits.LOGIN_FREE_FAILURES + 1, attempt())

    for _ in range(5):
        with pytest.raises(TooManyRequests):
            await throttle.begin(attempt(), NOW)

    assert await wait_of(throttle, attempt()) == 1


async def test_many_guesses_at_once_over_two_workers_gain_nothing(throttle: Throttle, other_worker: Throttle) -> None:
    workers = [throttle, other_worker] * 20

    results = await asyncio.gather(*(worker.begin(attempt(), NOW) for worker in workers), return_exceptions=True)

    assert results.count(None) == limits.LOGIN_FREE_FAILURES + 1
    assert all(result is None or isinstance(result, TooManyRequests) for result in results)


async def test_failures_are_forgotten_after_a_while(throttle: Throttle) -> None:
    await fail(throttle, limits.LOGIN_FREE_FAILURES + 1, attempt())
    afterwards = later(limits.LOGIN_FORGET_S)

    await fail(throttle, limits.LOGIN_FREE_FAILURES, attempt(), afterwards)

    assert await wait_of(throttle, attempt(), afterwards) == 0


async def test_a_success_takes_back_its_own_count_and_clears_its_account_at_its_address(throttle: Throttle) -> None:
    await fail(throttle, limits.LOGIN_FREE_FAILURES, attempt())
    await throttle.begin(attempt(), NOW)

    await throttle.succeeded(attempt(), NOW)

    assert await wait_of(throttle, attempt()) == 0
    await fail(throttle, limits.LOGIN_FREE_FAILURES, attempt())
    assert await wait_of(throttle, attempt()) == 0


async def test_ones_own_successes_do_not_pay_for_guesses_at_others(throttle: Throttle) -> None:
    names = [f"victim{number}" for number in range(limits.LOGIN_FREE_FAILURES_ADDRESS + 1)]

    for name in names:
        await fail(throttle, 1, attempt(name))
        mine = attempt("mallory")
        if await wait_of(throttle, mine) == 0:
            await throttle.begin(mine, NOW)
            await throttle.succeeded(mine, NOW)

    assert await wait_of(throttle, attempt("another")) == 1


async def test_an_address_is_slowed_down_whatever_the_accounts(throttle: Throttle) -> None:
    for number in range(limits.LOGIN_FREE_FAILURES_ADDRESS + 1):
        await fail(throttle, 1, attempt(f"user{number}", f"2001:db8::{number:x}"))

    assert await wait_of(throttle, attempt("another", "2001:db8::ffff:1")) == 1
    assert await wait_of(throttle, attempt("another", "2001:db8:0:1::1")) == 0


async def test_guesses_from_everywhere_only_delay_an_account_and_not_where_it_is_known(throttle: Throttle) -> None:
    home, elsewhere = attempt(address="192.0.2.1"), attempt(address="192.0.2.2")
    await throttle.begin(home, NOW)
    await throttle.succeeded(home, NOW)

    for number in range(limits.LOGIN_FREE_FAILURES_ACCOUNT + 10):
        await fail(throttle, 1, attempt(address=f"198.51.{number}.1"), later(number * 11))

    end = later((limits.LOGIN_FREE_FAILURES_ACCOUNT + 9) * 11)
    assert await wait_of(throttle, elsewhere, end) == limits.LOGIN_DELAY_ACCOUNT_MAX_S
    assert await wait_of(throttle, home, end) == 0
    await throttle.begin(home, end)


async def test_who_guesses_behind_a_shared_address_does_not_lock_those_out_who_are_known_there(
    throttle: Throttle,
) -> None:
    await throttle.begin(attempt(), NOW)
    await throttle.succeeded(attempt(), NOW)

    for number in range(limits.LOGIN_FREE_FAILURES_ADDRESS + 1):
        await fail(throttle, 1, attempt(f"user{number}"))

    assert await wait_of(throttle, attempt("another")) == 1
    assert await wait_of(throttle, attempt()) == 0


async def test_even_at_a_known_address_guessing_has_its_bound(throttle: Throttle) -> None:
    await throttle.begin(attempt(), NOW)
    await throttle.succeeded(attempt(), NOW)

    for number in range(limits.LOGIN_FREE_FAILURES_KNOWN + 20):
        await fail(throttle, 1, attempt(), later(number * 61))

    assert await wait_of(throttle, attempt(), later((limits.LOGIN_FREE_FAILURES_KNOWN + 19) * 61)) == 60


async def test_an_address_is_no_longer_known_long_after_the_last_success(throttle: Throttle) -> None:
    await throttle.succeeded(attempt(), NOW)
    afterwards = later(limits.LOGIN_KNOWN_S)

    await fail(throttle, limits.LOGIN_FREE_FAILURES + 1, attempt(), afterwards)

    assert await wait_of(throttle, attempt(), afterwards) == 1


async def test_what_is_forgotten_does_not_heap_up(throttle: Throttle, database: Database) -> None:
    for number in range(5):
        await fail(throttle, 1, attempt(f"user{number}", f"192.0.2.{number}"))

    await fail(throttle, 1, attempt("another"), later(limits.LOGIN_FORGET_S))

    def forget(tx: Transaction) -> int:
        return tx.login_failures.forget(later(3 * limits.LOGIN_FORGET_S), 100)

    assert await database.write(forget) == 3


async def test_a_name_is_nowhere_in_what_is_kept(throttle: Throttle, database_url: str) -> None:
    await fail(throttle, 1, attempt("hunter2-typed-as-name"))

    rows = await execute(database_url, "SELECT subject FROM login_failure")

    assert len(rows) == 3
    assert not any("hunter2" in row[0] or "192.0" in row[0] for row in rows)


def test_an_ipv4_address_counts_as_one_however_it_is_written() -> None:
    assert attempt(address="::ffff:192.0.2.1").network == attempt(address="192.0.2.1").network == "192.0.2.1"
