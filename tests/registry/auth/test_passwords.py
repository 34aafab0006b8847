"""Passwords: what is kept of them, what a proof costs, and how long it is remembered."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from argon2 import PasswordHasher, extract_parameters

from registry import limits
from registry.auth import passwords
from registry.auth.account_name import AccountName
from registry.auth.passwords import Passwords, StoredPassword, check_new, generate, needs_rehash
from registry.errors import PasswordInvalid, TooManyRequests

ALICE = AccountName.parse("alice.example")
RIGHT = "correct horse battery ständig"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def prover(clock: Clock) -> AsyncIterator[Passwords]:
    prover = Passwords(clock)
    yield prover
    await prover.close()


@pytest.fixture
async def stored(prover: Passwords) -> StoredPassword:
    stored = StoredPassword(1, 1, await prover.hash(RIGHT))
    prover.hashings = 0
    return stored


async def test_a_password_is_kept_as_argon2id_of_a_known_cost_and_never_twice_the_same(prover: Passwords) -> None:
    one, two = await prover.hash(RIGHT), await prover.hash(RIGHT)

    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert one != two


async def test_only_the_right_password_proves(prover: Passwords, stored: StoredPassword) -> None:
    assert await prover.proves(stored, RIGHT)
    for wrong in (RIGHT + " ", RIGHT.upper(), RIGHT[:-1], "\0" + RIGHT):
        assert not await prover.proves(stored, wrong)


async def test_an_unknown_account_costs_what_a_known_one_does(prover: Passwords, stored: StoredPassword) -> None:
    assert not await prover.proves(stored, "wrong password")
    for_known, prover.hashings = prover.hashings, 0

    assert not await prover.proves(None, "wrong password")

    assert prover.hashings == for_known == 1
    assert extract_parameters(passwords._NOBODYS) == extract_parameters(stored.hash)


@pytest.mark.parametrize("password", ["", "a" * (limits.PASSWORD_BYTES + 1), "\udcff" * 9])
async def test_what_can_be_no_password_is_wrong_for_everybody_without_any_work(
    prover: Passwords, stored: StoredPassword, password: str
) -> None:
    assert not await prover.proves(stored, password)
    assert not await prover.proves(None, password)
    assert not prover.remembers(stored, password)

    assert prover.hashings == 0


async def test_a_proof_is_remembered_for_a_while_and_a_failure_never(
    prover: Passwords, stored: StoredPassword, clock: Clock
) -> None:
    for _ in range(3):
        assert await prover.proves(stored, RIGHT)
    assert prover.hashings == 1
    assert prover.remembers(stored, RIGHT)

    for _ in range(2):
        assert not await prover.proves(stored, "wrong password")
    assert prover.hashings == 3

    clock.now += limits.PASSWORD_CACHE_S
    assert not prover.remembers(stored, RIGHT)
    assert await prover.proves(stored, RIGHT)
    assert prover.hashings == 4


async def test_a_remembered_proof_falls_with_its_generation_and_is_its_accounts_alone(
    prover: Passwords, stored: StoredPassword
) -> None:
    changed = StoredPassword(stored.account_id, 2, await prover.hash("another password"))
    assert await prover.proves(stored, RIGHT)

    assert not prover.remembers(changed, RIGHT)
    assert not await prover.proves(changed, RIGHT)
    assert not prover.remembers(replace(stored, account_id=2), RIGHT)
    assert not prover.remembers(None, RIGHT)


async def test_the_memory_is_bounded_and_forgets_the_oldest_first(
    prover: Passwords, stored: StoredPassword, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PASSWORD_CACHE_ENTRIES", 2)
    accounts = [replace(stored, account_id=number) for number in range(3)]

    for account in accounts:
        assert await prover.proves(account, RIGHT)

    assert [prover.remembers(account, RIGHT) for account in accounts] == [False, True, True]


async def test_more_logins_than_can_wait_are_told_to_come_again(
    prover: Passwords, stored: StoredPassword, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PASSWORDS_WAITING", 3)

    results = await asyncio.gather(*(prover.proves(stored, "wrong one") for _ in range(5)), return_exceptions=True)

    assert [result for result in results if result is False] == [False] * 3
    refused = [result for result in results if isinstance(result, TooManyRequests)]
    assert [error.retry_after_s for error in refused] == [1, 1]
    assert await prover.proves(stored, RIGHT)


async def test_a_password_hashed_at_another_cost_still_proves_and_is_to_be_hashed_anew(
    prover: Passwords, stored: StoredPassword
) -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(RIGHT)
    older = StoredPassword(2, 1, cheap)

    assert await prover.proves(older, RIGHT)

    assert needs_rehash(older)
    assert not needs_rehash(stored)
    assert stored.hash not in repr(stored)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("1234567", "at least 8 characters"),
        ("ä" * 513, "at most 1024 bytes"),
        ("a" * 8 + "\udcff", "of UTF-8"),
        ("password\n", "control"),
        ("pass\x7fword", "control"),
        ("Alice.Example", "name of the account"),
    ],
)
def test_a_new_password_that_cannot_be_taken_is_told_why_and_not_repeated(password: str, reason: str) -> None:
    with pytest.raises(PasswordInvalid, match=reason) as raised:
        check_new(password, ALICE)

    assert password not in str(raised.value)


@pytest.mark.parametrize("password", ["12345678", "ä" * 512, "with space: and colon", "alice.example2"])
def test_other_new_passwords_are_taken(password: str) -> None:
    check_new(password, ALICE)


def test_a_generated_password_is_long_random_and_fit() -> None:
    made = {generate() for _ in range(100)}

    assert len(made) == 100
    for password in made:
        assert re.fullmatch(r"([a-km-np-z2-9]{5}-){3}[a-km-np-z2-9]{5}", password)
        check_new(password, ALICE)
