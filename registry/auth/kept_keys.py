"""The keys of another token server as they are in force: read when they are needed, and again, for they are replaced.

A token that names an unknown key may be signed by a new one, and is a reason to read again; but anybody can make such
tokens, so that is not done often. While the keys cannot be read, those that were read last stay in force for a while.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from registry import limits
from registry.auth.trusted_keys import TrustedKey, TrustedKeys
from registry.errors import OutgoingFailed, TokenInvalid, TrustedKeysInvalid, TrustedKeysUnavailable
from registry.observability import logging
from registry.observability.recurring import RecurringFaults

_log = logging.logger(__name__)
_LONG_AGO: Final = float("-inf")


class KeptKeys:
    """Keeps what is read; belongs to one event loop, and is closed by whoever made it."""

    def __init__(
        self,
        read: Callable[[], Awaitable[bytes]],
        parse: Callable[[bytes], TrustedKeys],
        *,
        fresh_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`read` gives a text that `parse` understands; it is read again, beside requests, when `fresh_s` have passed.

        What `read` raises has to be `OutgoingFailed` or `TrustedKeysInvalid`. `clock` counts seconds.
        """
        self._read, self._parse = read, parse
        self._fresh_s = fresh_s
        self._clock = clock
        self._faults = RecurringFaults(_log)
        self._content = b""
        self._keys: TrustedKeys | None = None
        self._read_at = self._tried_at = _LONG_AGO
        self._renewal: asyncio.Task[None] | None = None

    async def current(self) -> TrustedKeys:
        """The keys in force, the same object as long as they are the same.

        Raises:
            TrustedKeysUnavailable: they could not be read, not for `limits.TRUSTED_KEYS_STALE_S`.
        """
        if self._usable() is None:
            await self._renewed()
        elif self._clock() - self._read_at >= self._fresh_s:
            self._begin()
        keys = self._usable()
        if keys is None:
            raise TrustedKeysUnavailable
        return keys

    async def find(self, header: Mapping[str, Any], now: float) -> TrustedKey:
        """The key that a token's header names, valid at `now` (seconds since 1970).

        Raises:
            TokenInvalid: it is none of them, nor of those that have come since.
            TrustedKeysUnavailable: as `current` does.
        """
        keys = await self.current()
        try:
            return keys.find(header, now)
        except TokenInvalid:
            await self._renewed()
            renewed = await self.current()
            if renewed is keys:
                raise
            return renewed.find(header, now)

    async def close(self) -> None:
        """Give up reading."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait((self._renewal,))

    def _usable(self) -> TrustedKeys | None:
        return self._keys if self._clock() - self._read_at < limits.TRUSTED_KEYS_STALE_S else None

    async def _renewed(self) -> None:
        """Return when what was to be read has been: by one for all who wait."""
        self._begin()
        if self._renewal is not None:
            # Who waits may go away, or be told that it takes time.
            await asyncio.shield(self._renewal)

    def _begin(self) -> None:
        if self._renewal is not None and not self._renewal.done():
            return
        self._renewal = None
        if self._clock() - self._tried_at >= limits.TRUSTED_KEYS_AGAIN_S:
            self._tried_at = self._clock()
            self._renewal = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        began = self._clock()
        try:
            content = await self._read()
            if content != self._content or self._keys is None:
                self._keys, self._content = await asyncio.to_thread(self._parse, content), content
        except (OutgoingFailed, TrustedKeysInvalid) as error:
            self._faults.warn("the keys of the token server cannot be read", error)
        else:
            self._read_at = began


async def read_file(path: Path) -> bytes:
    """The whole file at `path`.

    Raises:
        TrustedKeysInvalid: it cannot be read, or is longer than any file of keys.
    """
    return await asyncio.to_thread(file_content, path)


def file_content(path: Path) -> bytes:
    """The same; blocks.

    Raises:
        TrustedKeysInvalid: it cannot be read, or is longer than any file of keys.
    """
    try:
        with path.open("rb") as file:
            content = file.read(limits.TRUSTED_KEYS_BYTES + 1)
    except OSError as error:
        raise TrustedKeysInvalid(str(path), error.strerror or "it cannot be read") from error
    if len(content) > limits.TRUSTED_KEYS_BYTES:
        raise TrustedKeysInvalid(str(path), "it is longer than any such file")
    return content
