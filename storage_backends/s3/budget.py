"""The bytes that all uploads of a process together may hold in memory."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress


class ByteBudget:
    """`size` bytes, given out in the order in which they are asked for; belongs to one event loop.

    Whoever waits holds up everybody behind, so that many small wishes never starve a large one.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def try_take(self, size: int) -> bool:
        """Take `size` bytes if they are there and nobody waits."""
        if self._waiting or size > self._free:
            return False
        self._free -= size
        return True

    async def take(self, size: int) -> int:
        """Take `size` bytes, or all there ever are, when they are there; how many that is."""
        size = min(size, self._size)
        if self.try_take(size):
            return size
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, granted))
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                # It was given in the moment in which nobody wanted it any more.
                self.give(size)
            else:
                with suppress(ValueError):
                    self._waiting.remove((size, granted))
                self._grant()
            raise
        return size

    def give(self, size: int) -> None:
        """Give back `size` bytes."""
        self._free += size
        self._grant()

    def _grant(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            size, granted = self._waiting.popleft()
            if not granted.done():
                self._free -= size
                granted.set_result(None)
