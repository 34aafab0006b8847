"""Passwords that were proved a short while ago: to prove one costs more than all the rest of a request."""

from __future__ import annotations

import hmac
import secrets
import struct
from collections import OrderedDict
from collections.abc import Callable

from registry import limits


class ProvedPasswords:
    """What is remembered for `keep_s` seconds by `clock`, up to `limits.PASSWORD_CACHE_ENTRIES` of them.

    A password stands in it only as a HMAC under a key that never leaves the process, together with its account and
    generation: so a changed password's old one is not found, whoever changed it on whichever node.
    """

    def __init__(self, keep_s: float, clock: Callable[[], float]) -> None:
        self._keep_s = keep_s
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def add(self, account_id: int, generation: int, password: bytes) -> None:
        """Remember that `password` is the account's."""
        seal = self._seal(account_id, generation, password)
        self._until[seal] = self._clock() + self._keep_s
        self._until.move_to_end(seal)
        while len(self._until) > limits.PASSWORD_CACHE_ENTRIES:
            self._until.popitem(last=False)

    def holds(self, account_id: int, generation: int, password: bytes) -> bool:
        """Whether `password` was the account's a short while ago."""
        return self._until.get(self._seal(account_id, generation, password), 0) > self._clock()

    def _seal(self, account_id: int, generation: int, password: bytes) -> bytes:
        return hmac.digest(self._key, struct.pack(">qq", account_id, generation) + password, "sha256")
