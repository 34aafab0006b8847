"""Questions to the parts whether they are well, each asked once at a time, however many want to know."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Probes:
    """The questions that are being asked; belongs to one event loop.

    A disk that hangs lets go of nobody who asked it. So who comes next waits for the question that hangs already,
    and only for as long as it wants to: it would otherwise take a thread of its own, and never get an answer.
    """

    def __init__(self) -> None:
        self._asked: dict[str, asyncio.Task[None]] = {}

    async def ask(self, part: str, question: Callable[[], Awaitable[None]], timeout_s: float) -> None:
        """Return when `part` is well, and raise what its `question` raises.

        Raises:
            TimeoutError: there is no answer yet; the question stays.
        """
        task = self._asked.get(part)
        if task is None or task.done():
            task = self._asked[part] = asyncio.create_task(_awaited(question), name=f"probe of the {part}")
            # Maybe nobody waits any more when it fails.
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        if not (await asyncio.wait({task}, timeout=timeout_s))[0]:
            raise TimeoutError
        task.result()


async def _awaited(question: Callable[[], Awaitable[None]]) -> None:
    await question()
