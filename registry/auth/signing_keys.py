"""The keys that sign tokens: made once, shared by all who share the database, rotated by adding one.

A rotated key signs no more, but verifies until the last token that it may have signed has expired; one that may be in
wrong hands is forgotten. No process goes by what it knows of the keys for longer than `limits.SIGNING_KEYS_FRESH_S`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from registry import limits
from registry.auth.key_material import Algorithm, SigningKey, Vault
from registry.errors import SigningKeysUnreadable
from registry.metadata.database import Database
from registry.metadata.rows import Secret
from registry.metadata.transaction import Transaction

_PURPOSE: Final = "token-signing"


@dataclass(frozen=True, slots=True)
class KeyState:
    """What can be told of a key: `algorithm` is None where it cannot be read, `verifies_until` where it signs now."""

    key_id: str
    algorithm: Algorithm | None
    created_at: datetime
    verifies_until: datetime | None


class SigningKeys:
    """The key that signs now, and those that verify, as far as this process has read them."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        algorithm: Algorithm,
        token_lifetime_s: int,
        *,
        clock: Callable[[], float] = time.time,
        again_s: float = limits.SIGNING_KEYS_AGAIN_S,
    ) -> None:
        """Know no key yet; `token_lifetime_s` is how long the tokens live that the keys sign."""
        self._database = database
        self._vault = vault
        self._algorithm = algorithm
        # Another process may sign with a rotated key until it reads the keys again.
        self._retirement_s = token_lifetime_s + limits.TOKEN_SKEW_S + limits.SIGNING_KEYS_FRESH_S
        self._clock, self._again_s = clock, again_s
        self._reads = 0
        self._reading = asyncio.Lock()
        self._read_at = -float(limits.SIGNING_KEYS_FRESH_S)
        self._newest: SigningKey | None = None
        self._keys: dict[str, SigningKey] = {}

    @property
    def fresh_until(self) -> float:
        """Until when this process goes by the keys as it has read them."""
        return self._read_at + limits.SIGNING_KEYS_FRESH_S

    async def signing(self) -> SigningKey:
        """The key to sign with now; the first one is made when there is none.

        Raises:
            SigningKeysUnreadable: it is sealed, and not under the key file in use.
        """
        await self._read_unless_read_for(limits.SIGNING_KEYS_FRESH_S)
        if self._newest is None:
            await self._database.write(self._ensure)
            await self._read()
        assert self._newest is not None, "a key was made"
        return self._newest

    async def verifying(self, key_id: str) -> SigningKey | None:
        """The key with this id, None where there is none or its tokens have all expired."""
        await self._read_unless_read_for(limits.SIGNING_KEYS_FRESH_S)
        if key_id not in self._keys:
            # Another node may have rotated the keys a moment ago.
            await self._read_after_now()
        key = self._keys.get(key_id)
        return key if key is not None and self._verifies(key) else None

    async def public_keys(self) -> dict[str, list[Mapping[str, object]]]:
        """The JSON Web Key Set (RFC 7517) of all keys that verify, newest first; none is made for it."""
        await self._read_unless_read_for(limits.SIGNING_KEYS_FRESH_S)
        return {"keys": [key.public_jwk for key in self._keys.values() if self._verifies(key)]}

    async def states(self) -> list[KeyState]:
        """All keys that are kept, newest first, also those that this process cannot read."""
        return [self._state(secret) for secret in await self._database.read(_load)]

    def replace(self, tx: Transaction) -> str:
        """Sign with a new key from the end of `tx` on, and give its id; the one that it replaces still verifies.

        Works, too, where the one in use cannot be read any more.
        """
        return tx.secrets.rotate(_PURPOSE, self._make, self._now()).key_id

    def replace_all(self, tx: Transaction) -> str:
        """Do what `replace` does, and forget all other keys: their tokens are worth nothing any more."""
        key_id = self.replace(tx)
        tx.secrets.forget_retired(_PURPOSE)
        return key_id

    async def _read_unless_read_for(self, age_s: int) -> None:
        if self._is_older_than(age_s):
            async with self._reading:
                if self._is_older_than(age_s):
                    await self._read()

    async def _read_after_now(self) -> None:
        """Read the keys as they are now or later. Whoever invents ids waits, and causes no reading of their own."""
        reads = self._reads
        async with self._reading:
            # All that come while one waits here are served by what that one reads.
            if self._reads == reads:
                age_s = self._clock() - self._read_at
                if 0 <= age_s < self._again_s:
                    await asyncio.sleep(self._again_s - age_s)
                await self._read()

    def _is_older_than(self, age_s: int) -> bool:
        # A clock that was set back must not keep the keys from being read.
        return not 0 <= self._clock() - self._read_at < age_s

    async def _read(self) -> None:
        # What changes while the database is asked may be missing in its answer.
        read_at = self._clock()
        self._reads += 1
        secrets = await self._database.read(_load)
        self._newest, self._keys = self._opened(secrets)
        self._read_at = read_at

    def _opened(self, secrets: Sequence[Secret]) -> tuple[SigningKey | None, dict[str, SigningKey]]:
        newest, keys = None, {}
        for secret in secrets:
            try:
                key = self._vault.open(secret.key_id, secret.material, secret.retired_at)
            except SigningKeysUnreadable:
                # What a rotated key signed is then refused; without the one in use there is nothing to go on with.
                if secret.retired_at is None:
                    raise
                continue
            keys[key.key_id] = key
            if secret.retired_at is None:
                newest = key
        return newest, keys

    def _verifies(self, key: SigningKey) -> bool:
        return key.retired_at is None or self._clock() < key.retired_at.timestamp() + self._retirement_s

    def _state(self, secret: Secret) -> KeyState:
        try:
            algorithm = self._vault.open(secret.key_id, secret.material, secret.retired_at).algorithm
        except SigningKeysUnreadable:
            algorithm = None
        retired_at = secret.retired_at
        until = None if retired_at is None else retired_at + timedelta(seconds=self._retirement_s)
        return KeyState(secret.key_id, algorithm, secret.created_at, until)

    def _ensure(self, tx: Transaction) -> Secret:
        return tx.secrets.ensure(_PURPOSE, self._make, self._now())

    def _make(self) -> bytes:
        return self._vault.make(self._algorithm)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _load(tx: Transaction) -> list[Secret]:
    return tx.secrets.all(_PURPOSE)
