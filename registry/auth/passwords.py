"""How passwords are kept and proved: Argon2id in threads of its own, and a short memory of what was proved."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.proved_passwords import ProvedPasswords
from registry.errors import PasswordInvalid, TooManyRequests
from storage_backends.threads import BlockingPool

P = ParamSpec("P")
T = TypeVar("T")

# OWASP's second choice: argon2-cffi's own default takes ten times as long and 64 MiB a login.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16)

# Without letters and digits that look like others; 20 of 32 are 100 bits.
_GENERATED_FROM: Final = "abcdefghijkmnpqrstuvwxyz23456789"
_GROUPS: Final = 4
_GROUP_CHARACTERS: Final = 5


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """The password of an account as the database keeps it; a password change begins another `generation`."""

    account_id: int
    generation: int
    hash: str = field(repr=False)


class Passwords:
    """Hashes and proves passwords; belongs to one event loop, and is closed by whoever made it.

    `clock` counts seconds. `hashings` counts what was computed: it is what logins cost.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.hashings = 0
        self._pool = BlockingPool(limits.PASSWORD_THREADS, "passwords")
        self._in_hand = 0
        self._proved = ProvedPasswords(limits.PASSWORD_CACHE_S, clock)

    async def hash(self, password: str) -> str:
        """The text to keep of a new password, which `check_new` has let pass.

        Raises:
            TooManyRequests: too many others are being hashed.
        """
        return await self._run(_HASHER.hash, password)

    async def proves(self, stored: StoredPassword | None, password: str) -> bool:
        """Whether `password` is the stored one. Where there is none (no such account), the same work is done for it.

        Raises:
            TooManyRequests: too many others are being proved.
        """
        raw = encoded(password)
        if raw is None:
            return False
        if self.remembers(stored, password):
            return True
        if not await self._run(_matches, _NOBODYS if stored is None else stored.hash, raw):
            return False
        if stored is None:
            return False
        self._proved.add(stored.account_id, stored.generation, raw)
        return True

    def remembers(self, stored: StoredPassword | None, password: str) -> bool:
        """Whether `proves` would say so at once, because it did a short while ago."""
        raw = encoded(password)
        if stored is None or raw is None:
            return False
        return self._proved.holds(stored.account_id, stored.generation, raw)

    async def close(self) -> None:
        """End the threads after the work that was begun."""
        await self._pool.close()

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._in_hand >= limits.PASSWORDS_WAITING:
            raise TooManyRequests(1)
        self._in_hand += 1
        self.hashings += 1
        try:
            return await self._pool.run(function, *args, **kwargs)
        finally:
            self._in_hand -= 1


def needs_rehash(stored: StoredPassword) -> bool:
    """Whether it was hashed at another cost than passwords are now; one that was just proved can be hashed anew."""
    return _HASHER.check_needs_rehash(stored.hash)


def encoded(password: str) -> bytes | None:
    """The bytes of a password that are hashed; None for text that can be none."""
    try:
        raw = password.encode()
    except UnicodeEncodeError:
        return None
    return raw if 0 < len(raw) <= limits.PASSWORD_BYTES else None


def check_new(password: str, name: AccountName) -> None:
    """Return when `password` can be the new one of the account `name`.

    Raises:
        PasswordInvalid: it cannot, and why.
    """
    if len(password) < limits.PASSWORD_CHARACTERS_MIN:
        raise PasswordInvalid(f"it needs at least {limits.PASSWORD_CHARACTERS_MIN} characters")
    if encoded(password) is None:
        raise PasswordInvalid(f"it may be at most {limits.PASSWORD_BYTES} bytes of UTF-8")
    # RFC 7617, "The 'Basic' Authentication Scheme": they cannot be sent.
    if any(character < " " or character == "\x7f" for character in password):
        raise PasswordInvalid("it may contain no control characters")
    if password.casefold() == str(name):
        raise PasswordInvalid("it is the name of the account")


def generate() -> str:
    """A random password of 100 bits, easy to copy by hand: for an account's first login, to be replaced then."""
    groups = ("".join(secrets.choice(_GENERATED_FROM) for _ in range(_GROUP_CHARACTERS)) for _ in range(_GROUPS))
    return "-".join(groups)


def _nobodys_hash() -> str:
    """What no password hashes to, at the cost of one that could."""
    salt, value = (base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    cost = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${value}"


_NOBODYS: Final = _nobodys_hash()


def _matches(stored: str, password: bytes) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except VerifyMismatchError:
        return False
