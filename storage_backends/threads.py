"""The door between the event loop and what blocks: a bounded pool of threads, one large block of work a hop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class BlockingPool:
    """At most `size` threads that a store owns and closes; more work than that waits its turn."""

    def __init__(self, size: int, name: str) -> None:
        self.executor = ThreadPoolExecutor(max_workers=size, thread_name_prefix=name)

    def start(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Begin `function` in a thread; what it returns is had from `settled`."""
        return asyncio.get_running_loop().run_in_executor(self.executor, lambda: function(*args, **kwargs))

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `function` returns, or raises, in a thread; it is never left behind half done (see `settled`)."""
        return await settled(self.start(function, *args, **kwargs))

    async def close(self) -> None:
        """End the threads after the work that was begun."""
        await settled(asyncio.to_thread(self.executor.shutdown))


async def settled(work: Awaitable[T]) -> T:
    """What `work` gives. A task that is cancelled meanwhile waits for its end all the same, and only then is cancelled.

    A thread cannot be interrupted: were it left alone, the files it works on would be closed under its hands.
    """
    future = asyncio.ensure_future(work)
    await ended(future)
    return future.result()


async def ended(future: asyncio.Future[T]) -> None:
    """Wait for the end of `future`, whatever it gives, and then be cancelled, if that was asked for meanwhile."""
    cancellation: asyncio.CancelledError | None = None
    while not future.done():
        # What asyncio.wait does for many costs several times as much, and each hop to a thread comes here.
        waiter = future.get_loop().create_future()
        wake = partial(_wake, waiter)
        future.add_done_callback(wake)
        try:
            await waiter
        except asyncio.CancelledError as error:
            cancellation = error
        finally:
            future.remove_done_callback(wake)
    # Asked for, so that a failure nobody is left to be told of is not reported as forgotten.
    future.exception()
    if cancellation is not None:
        raise cancellation


def _wake(waiter: asyncio.Future[None], _: object) -> None:
    if not waiter.done():
        waiter.set_result(None)
