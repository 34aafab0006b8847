"""The server's own secrets: what it seals with them, only it (on any worker or node) can have made.

They live in the database, are made once, and may be rotated: a new key seals, the older ones still verify.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import UTC, datetime

from registry.metadata.database import Database
from registry.metadata.rows import Secret
from registry.metadata.transaction import Transaction

_PURPOSE = "seal"
_KEY_BYTES = 32
_ID_BYTES = 8
_MAC_BYTES = 16
SEAL_BYTES = _ID_BYTES + _MAC_BYTES


class ServerSecrets:
    """Seals messages under the newest key and verifies them under any that there ever was."""

    def __init__(self, database: Database, keys: list[Secret]) -> None:
        self._database = database
        self._remember(keys)

    @classmethod
    async def open(cls, database: Database) -> ServerSecrets:
        """Load the keys, making the first one if there is none yet."""
        keys = await database.read(_load)
        if not keys:
            await database.write(_ensure)
            keys = await database.read(_load)
        return cls(database, keys)

    async def rotate(self) -> None:
        """Seal under a new key from now on; the other workers follow when they meet a seal that it made."""
        await self._database.write(_rotate)
        self._remember(await self._database.read(_load))

    def seal(self, context: str, message: bytes) -> bytes:
        """`SEAL_BYTES` that prove that this registry sealed `message` for `context` (a constant per use)."""
        return bytes.fromhex(self._newest) + _mac(self._keys[self._newest], context, message)

    async def verifies(self, context: str, message: bytes, seal: bytes) -> bool:
        """Whether `seal` was made by `seal` for the same context and message."""
        if len(seal) != SEAL_BYTES:
            return False
        key_id = seal[:_ID_BYTES].hex()
        if key_id not in self._keys:
            # Another node may have rotated the keys since this process loaded them.
            self._remember(await self._database.read(_load))
        key = self._keys.get(key_id)
        return key is not None and hmac.compare_digest(seal[_ID_BYTES:], _mac(key, context, message))

    def _remember(self, keys: list[Secret]) -> None:
        self._keys = {secret.key_id: secret.material for secret in keys}
        self._newest = next(secret.key_id for secret in keys if secret.retired_at is None)


def _ensure(tx: Transaction) -> Secret:
    return tx.secrets.ensure(_PURPOSE, _new_key, datetime.now(UTC))


def _rotate(tx: Transaction) -> Secret:
    return tx.secrets.rotate(_PURPOSE, _new_key, datetime.now(UTC))


def _load(tx: Transaction) -> list[Secret]:
    return tx.secrets.all(_PURPOSE)


def _new_key() -> bytes:
    return secrets.token_bytes(_KEY_BYTES)


def _mac(key: bytes, context: str, message: bytes) -> bytes:
    # The context's length stands before it, so that no two (context, message) pairs make the same text.
    text = len(context).to_bytes(2, "big") + context.encode() + message
    return hmac.digest(key, text, "sha256")[:_MAC_BYTES]
