"""How guessing passwords is slowed down: failures are counted, and each beyond some doubles the wait for the next try.

Three things are counted. An account at an address, whose counter is the strict one. An address, whatever the accounts
that are tried from it. An account, whatever the addresses: that one only slows guessing from many addresses, and an
address from which the account proved itself before is not bound by it, nor by what others behind that address do to
other accounts. So nobody can lock an account out of where it is used. Tokens never come here.

An attempt is counted as a failure when it begins, and taken back when it succeeds: many at once gain nothing. One that
is refused is not counted.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

from registry import limits
from registry.auth.account_name import AccountName
from registry.errors import TooManyRequests
from registry.metadata.database import Database
from registry.metadata.login_failures import FailureCount
from registry.metadata.transaction import Transaction

Address: TypeAlias = IPv4Address | IPv6Address

_IPV6_NETWORK_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many failures are free, and the longest wait in seconds after more; the first is a second."""

    free: int
    longest_s: int

    def delay_s(self, failures: int) -> int:
        """How long to wait after so many failures."""
        beyond = failures - self.free
        # The exponent is bounded first: the number of failures is not.
        return 0 if beyond <= 0 else min(2 ** min(beyond - 1, 32), self.longest_s)


_PAIR: Final = Allowance(limits.LOGIN_FREE_FAILURES, limits.LOGIN_DELAY_MAX_S)
_KNOWN_PAIR: Final = Allowance(limits.LOGIN_FREE_FAILURES_KNOWN, limits.LOGIN_DELAY_KNOWN_MAX_S)
_ADDRESS: Final = Allowance(limits.LOGIN_FREE_FAILURES_ADDRESS, limits.LOGIN_DELAY_MAX_S)
_ACCOUNT: Final = Allowance(limits.LOGIN_FREE_FAILURES_ACCOUNT, limits.LOGIN_DELAY_ACCOUNT_MAX_S)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login with a password: the account it is for, and where it comes from."""

    name: AccountName
    address: Address

    @property
    def network(self) -> str:
        """What counts as one address: of IPv6, the /64 that one machine may choose from freely."""
        return _network(self.address)


class Throttle:
    """Decides whether a login may be tried now, for all workers on the same database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def check(self, attempt: Attempt, now: datetime) -> None:
        """Return when `attempt` may be made; it is not counted. For what is then proved without much work.

        Raises:
            TooManyRequests: it may not yet.
        """
        await self._database.read(_check, attempt, now)

    async def begin(self, attempt: Attempt, now: datetime) -> None:
        """Return when `attempt` may be made, which counts as a failure until `succeeded` takes it back.

        Raises:
            TooManyRequests: it may not yet.
        """
        # A flood of attempts that are held back writes nothing.
        await self.check(attempt, now)
        await self._database.note(_begin, attempt, now)

    async def take_back(self, attempt: Attempt, now: datetime) -> None:
        """Take back what `begin` counted, for nobody could say whether it was right."""
        await self._database.note(_take_back, attempt, now)

    async def succeeded(self, attempt: Attempt, now: datetime) -> None:
        """Take back what `begin` counted, and know the address from now on."""
        await self._database.note(_succeeded, attempt, now)

    async def begin_from(self, address: Address, now: datetime) -> None:
        """Return when something signed may be looked at; it counts as a failure until `succeeded_from` takes it back.

        Nobody can guess it, but to look at it costs work; so it is counted for the address alone, apart from passwords.

        Raises:
            TooManyRequests: it may not yet.
        """
        await self._database.read(_check_signed, address, now)
        await self._database.note(_begin_signed, address, now)

    async def succeeded_from(self, address: Address) -> None:
        """Take back what `begin_from` counted."""
        await self._database.note(_succeeded_signed, address)


def _check(tx: Transaction, attempt: Attempt, now: datetime) -> None:
    counts = tx.login_failures.find([_known_mark(attempt), *_all_subjects(attempt)], now)
    for subject in _allowances(attempt, is_known=_known_mark(attempt) in counts):
        if subject in counts:
            _refuse_while_held(counts[subject], now)


def _begin(tx: Transaction, attempt: Attempt, now: datetime) -> None:
    is_known = bool(tx.login_failures.find([_known_mark(attempt)], now))
    _count(tx, _allowances(attempt, is_known=is_known), now)


def _count(tx: Transaction, allowances: Mapping[str, Allowance], now: datetime) -> None:
    expires_at = now + timedelta(seconds=limits.LOGIN_FORGET_S)
    # In one order everywhere, so that two attempts do not wait for each other.
    for subject in sorted(allowances):
        count = tx.login_failures.count(subject, now, expires_at=expires_at)
        _refuse_while_held(count, now)
        if delay_s := allowances[subject].delay_s(count.failures):
            tx.login_failures.hold(subject, now + timedelta(seconds=delay_s))
    tx.login_failures.forget(now, limits.LOGIN_FORGET_ROWS)


def _take_back(tx: Transaction, attempt: Attempt, now: datetime) -> None:
    is_known = bool(tx.login_failures.find([_known_mark(attempt)], now))
    tx.login_failures.take_back(_allowances(attempt, is_known=is_known))


def _succeeded(tx: Transaction, attempt: Attempt, now: datetime) -> None:
    if not tx.login_failures.find([_known_mark(attempt)], now):
        # An address that is known was counted for the pair alone.
        tx.login_failures.take_back([_address(attempt), _account(attempt)])
    tx.login_failures.drop(_pair(attempt))
    tx.login_failures.mark(_known_mark(attempt), expires_at=now + timedelta(seconds=limits.LOGIN_KNOWN_S))


def _check_signed(tx: Transaction, address: Address, now: datetime) -> None:
    for count in tx.login_failures.find([_signed(address)], now).values():
        _refuse_while_held(count, now)


def _begin_signed(tx: Transaction, address: Address, now: datetime) -> None:
    _count(tx, {_signed(address): _ADDRESS}, now)


def _succeeded_signed(tx: Transaction, address: Address) -> None:
    tx.login_failures.take_back([_signed(address)])


def _refuse_while_held(count: FailureCount, now: datetime) -> None:
    if count.until is not None and count.until > now:
        raise TooManyRequests(math.ceil((count.until - now).total_seconds()))


def _allowances(attempt: Attempt, *, is_known: bool) -> Mapping[str, Allowance]:
    """What is counted for an attempt, and how much of it is free."""
    if is_known:
        return {_pair(attempt): _KNOWN_PAIR}
    return {_pair(attempt): _PAIR, _address(attempt): _ADDRESS, _account(attempt): _ACCOUNT}


def _all_subjects(attempt: Attempt) -> tuple[str, str, str]:
    return _pair(attempt), _address(attempt), _account(attempt)


def _pair(attempt: Attempt) -> str:
    return _subject("pair", str(attempt.name), attempt.network)


def _address(attempt: Attempt) -> str:
    return _subject("address", attempt.network)


def _account(attempt: Attempt) -> str:
    return _subject("account", str(attempt.name))


def _signed(address: Address) -> str:
    return _subject("signed", _network(address))


def _known_mark(attempt: Attempt) -> str:
    return _subject("known", str(attempt.name), attempt.network)


def _network(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> _IPV6_NETWORK_BITS << _IPV6_NETWORK_BITS))


def _subject(kind: str, *parts: str) -> str:
    # Hashed: people type passwords where names belong, and those must not stand in the database.
    digest = hashlib.sha256("\n".join(parts).encode()).digest()
    return f"{kind}:{base64.urlsafe_b64encode(digest[:18]).decode()}"
