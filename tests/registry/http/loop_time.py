"""The event loop's time, which passes only when a test says so: no machine is too busy for a short time limit then."""

from __future__ import annotations

import asyncio


class LoopTime:
    """What a loop takes for its clock, in place of its own method `time`."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    async def passes(self, seconds: float) -> None:
        """Let so much time pass, and what is due by then happen."""
        self.now_s += seconds
        # A turn of the loop runs what is due after what was ready before, this task among it.
        for _ in range(3):
            await asyncio.sleep(0)

    async def passes_until(self, ended: asyncio.Future[None], *, step_s: float = 1.0) -> None:
        """Let time pass, a step at a time, until `ended` is done."""
        while not ended.done():
            await self.passes(step_s)
