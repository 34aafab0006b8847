"""The bytes that all uploads of a process together may hold in memory."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import deque
from contextlib import suppress


class Holder(ABC):
    """Somebody who holds a share of the budget, and may be asked for it."""

    rests_since: float | None = None
    """Since when (`time.monotonic`) it waits for its client; None while it works."""

    @abstractmethod
    async def give_way(self) -> None:
        """Put what is held in memory elsewhere, and give the share back, if it still rests."""


class ByteBudget:
    """`size` bytes, given out in the order in which they are asked for; belongs to one event loop.

    Whoever waits holds up everybody behind, so that many small wishes never starve a large one. Who waits for long asks
    those to give way who have rested longest: slow clients must not keep the others from their turn.
    """

    def __init__(self, size: int, patience_s: float) -> None:
        self.holders: set[Holder] = set()
        self._size = size
        self._free = size
        self._patience_s = patience_s
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
            while not granted.done():
                await asyncio.wait((granted,), timeout=self._patience_s)
                if not granted.done():
                    await self._ask_for_room()
        except BaseException:
            if granted.done():
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
            self._free -= size
            granted.set_result(None)

    async def _ask_for_room(self) -> None:
        """Let the one give way who has rested longest, if that is long."""
        resting = [(holder.rests_since, holder) for holder in self.holders if holder.rests_since is not None]
        since, holder = min(resting, key=lambda each: each[0], default=(None, None))
        if holder is not None and since is not None and time.monotonic() - since >= self._patience_s / 2:
            await holder.give_way()
