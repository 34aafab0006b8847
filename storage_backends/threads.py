"""The door between the event loop and what blocks: a bounded pool of threads, one large block of work a hop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        # Past `run_in_executor`, which ties a future of its own to that of the thread: that costs as much as the hop.
        self.executor.submit(_work, loop, future, partial(function, *args, **kwargs))
        return future

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


def _work(loop: asyncio.AbstractEventLoop, future: asyncio.Future[T], function: Callable[[], T]) -> None:
    try:
        outcome: Callable[[], None] = partial(_succeed, future, function())
    except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to whoever awaits the future
        outcome = partial(_fail, future, error)
    # Once the loop is closed nobody waits any more.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(outcome)


def _succeed(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


def _wake(waiter: asyncio.Future[None], _: object) -> None:
    if not waiter.done():
        waiter.set_result(None)
