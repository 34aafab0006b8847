"""Verified tokens, remembered by the SHA-256 of their text: to verify a signature costs more than a small answer."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class VerifiedTokens(Generic[T]):
    """The most recently used results, up to `most` of them."""

    def __init__(self, most: int) -> None:
        """Begin empty."""
        self._most = most
        self._results: OrderedDict[bytes, tuple[T, float]] = OrderedDict()

    def get(self, digest: bytes, now: float) -> T | None:
        """What is remembered of the token with this digest, None where that is nothing or has expired."""
        found = self._results.get(digest)
        if found is None:
            return None
        result, expires_at = found
        if expires_at <= now:
            del self._results[digest]
            return None
        self._results.move_to_end(digest)
        return result

    def put(self, digest: bytes, result: T, expires_at: float) -> None:
        """Remember `result` until `expires_at`, in the place of what was not used for longest."""
        self._results[digest] = (result, expires_at)
        if len(self._results) > self._most:
            self._results.popitem(last=False)

    def __len__(self) -> int:
        return len(self._results)
